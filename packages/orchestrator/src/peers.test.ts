import { encodeFact, FactKey, memoryBackend, MillraceError, StatusBoard, type Clock, type Control, type StatusFact, type Transport } from '@millrace/core';
import { SettableClock, withFaults, type Fault } from '@millrace/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gate, pair, Place, range } from './fixtures.js';
import type { Run } from './run.js';

let place: Place;
/** Each start has its own: one that stands still sends no heartbeat, as a process that hangs. */
let theirs: SettableClock;
let ours: SettableClock;
beforeEach(() => {
  place = new Place();
  theirs = new SettableClock();
  ours = new SettableClock({ now: 5_000_000 });
});
afterEach(() => place.clear());

const channel = 'p.sink.numbers';
const codeOf = (error: unknown): string => (MillraceError.is(error) ? error.code : String(error));
const defaults = { delivery: 'exactly-once', commitInterval: 0 } as const;
type Death = 'wait' | 'fail' | 'finish';
const pipeline = (onWriterDeath: Death = 'wait', replicas = 1) => pair({ count: 30, batch: 3, source: { replicas }, sink: { ports: { numbers: { onWriterDeath } } } });

/** A start that has the sources, which stop in mid-way until `goOn`, and one that has the sink. */
async function apart(onWriterDeath: Death = 'wait', replicas = 1, faults: Fault[] = []): Promise<{ writers: Run; reader: Run; degraded: string[]; goOn: () => void }> {
  const paused = gate();
  let steps = 0;
  place.probe.at('source.onRunning', () => (++steps > 2 * replicas ? paused.opened : undefined));
  const writers = await place.start(pipeline(onWriterDeath, replicas), { runId: 'r', only: ['source'], clock: theirs, defaults, backends: [withFaults(memoryBackend, faults)], grace: 0 });
  const reader = await place.start(pipeline(onWriterDeath, replicas), { runId: 'r', only: ['sink'], clock: ours, defaults });
  const degraded: string[] = [];
  reader.on('degraded', (replica, port, silent) => void degraded.push(`${replica}.${port}: ${silent.join(' ') || 'all are back'}`));
  await place.probe.until(() => place.probe.received.length >= 6);
  return { writers, reader, degraded, goOn: () => paused.open() };
}

describe('a reader whose writer gives no sign of life', () => {
  it('waits for it, says so once, and says so when it is back', async () => {
    const { writers, reader, degraded, goOn } = await apart();
    await ours.advance(20_000);
    expect(degraded).toEqual([]);
    await ours.advance(2_000);
    expect(degraded).toEqual(['p.sink#0.numbers: p.source#0']);
    await ours.advance(60_000);
    expect(degraded).toHaveLength(1);
    expect(reader.stages.get('p.sink#0')).toBe('OperationRunning');
    await theirs.advance(2_000);
    expect(degraded).toEqual(['p.sink#0.numbers: p.source#0', 'p.sink#0.numbers: all are back']);
    goOn();
    expect((await writers.completed).outcome).toBe('done');
    expect((await reader.completed).outcome).toBe('done');
    expect(place.probe.kept.get('p.sink#0')).toEqual(range(30));
    expect(await place.facts()).toEqual(['generation']);
  });

  it('is not misled as long as heartbeats come', async () => {
    const { writers, reader, degraded, goOn } = await apart();
    for (let beat = 0; beat < 30; beat++) {
      await theirs.advance(2_000);
      await ours.advance(2_000);
    }
    expect(degraded).toEqual([]);
    goOn();
    expect([(await writers.completed).outcome, (await reader.completed).outcome]).toEqual(['done', 'done']);
  });

  it('counts its own standing still for nothing', async () => {
    const paused = gate();
    place.probe.at('source.onRunning', () => paused.opened);
    let skipped = 0;
    const jumping: Clock = { now: () => ours.now() + skipped, wall: () => ours.wall(), after: (ms, fire) => ours.after(ms, fire) };
    const writers = await place.start(pipeline(), { runId: 'r', only: ['source'], clock: theirs, defaults });
    const reader = await place.start(pipeline('fail'), { runId: 'r', only: ['sink'], clock: jumping, defaults });
    await place.probe.until(() => place.probe.calls.includes('sink#0.onInit'));
    // Longer than it waits for a heartbeat, and yet the next look comes before it could hear one.
    skipped += 60_000;
    await ours.advance(2_000);
    await theirs.advance(2_000);
    await ours.advance(2_000);
    paused.open();
    expect([(await writers.completed).outcome, (await reader.completed).outcome]).toEqual(['done', 'done']);
  });

  it('fails where it is told to, and names the writer', async () => {
    const { writers, reader, degraded, goOn } = await apart('fail');
    await ours.advance(22_000);
    const error: unknown = await reader.completed.catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'MILLRACE_PEER_DEAD', channel, operator: 'p.source#0' });
    expect(String(error)).toContain('writer p.source#0 of channel p.sink.numbers gives no sign of life');
    expect([reader.exitCode, degraded]).toEqual([115, ['p.sink#0.numbers: p.source#0']]);
    goOn();
    expect((await writers.completed).outcome).toBe('done');
    // What it sent is there for the next start.
    place.probe.kept.clear();
    expect((await (await place.start(pipeline(), { defaults })).completed).outcome).toBe('done');
    expect(place.probe.kept.get('p.sink#0')).toEqual(range(30));
  });

  it('finishes with what there is where it is told to, and nothing is deleted for that', async () => {
    const { writers, reader, goOn } = await apart('finish');
    await ours.advance(22_000);
    expect((await reader.completed).outcome).toBe('done');
    expect(place.probe.kept.get('p.sink#0')).toEqual(range(6));
    expect(await place.unread(channel)).toBe(0);
    expect(await place.facts()).toContain('replicas/source');
    goOn();
    await writers.completed;
  });

  it('waits for the others as long as they live', async () => {
    const { writers, reader, degraded, goOn } = await apart('finish', 2);
    await theirs.advance(2_000);
    await ours.advance(10_000);
    goOn();
    expect((await writers.completed).outcome).toBe('done');
    expect((await reader.completed).outcome).toBe('done');
    expect(degraded).toEqual([]);
    expect(new Set(place.probe.kept.get('p.sink#0'))).toEqual(new Set([...range(30), ...range(1_000_030, 1_000_000)]));
  });
});

describe('a start that dies', () => {
  it('of an error of its own is waited for too', async () => {
    let steps = 0;
    place.probe.at('source.onRunning', () => {
      if (++steps === 3) throw new Error('sand');
    });
    const writers = await place.start(pipeline(), { runId: 'r', only: ['source'], clock: theirs, defaults });
    const reader = await place.start(pipeline(), { runId: 'r', only: ['sink'], clock: ours, defaults });
    const degraded: string[] = [];
    reader.on('degraded', (_replica, _port, silent) => void degraded.push(silent.join(' ')));
    expect(await writers.completed.catch(codeOf)).toBe('MILLRACE_STEP_FAILED');
    await place.probe.until(() => place.probe.received.length === 6);
    await ours.advance(22_000);
    expect(degraded).toEqual(['p.source#0']);
    const again = await place.start(pipeline(), { runId: 'r', only: ['source'], defaults });
    expect([(await again.completed).outcome, (await reader.completed).outcome]).toEqual(['done', 'done']);
    expect(place.probe.kept.get('p.sink#0')).toEqual(range(30));
  });

  it('is waited for until another one of the run takes its place', async () => {
    const faults: Fault[] = [];
    const { writers, reader, degraded, goOn } = await apart('wait', 1, faults);
    // The connection breaks at its next heartbeat: nothing that it does comes through any more.
    faults.push({ member: 'control.put', action: 'cut' });
    await theirs.advance(2_000);
    goOn();
    expect(await writers.completed.catch(codeOf)).toBe('MILLRACE_INJECTED_FAULT');
    await ours.advance(22_000);
    expect(degraded).toEqual(['p.sink#0.numbers: p.source#0']);
    const again = await place.start(pipeline(), { runId: 'r', only: ['source'], defaults });
    expect([(await again.completed).outcome, (await reader.completed).outcome]).toEqual(['done', 'done']);
    expect([again.generation, reader.generation]).toEqual([1, 1]);
    expect(degraded.slice(1)).toEqual(['p.sink#0.numbers: all are back']);
    expect(place.probe.kept.get('p.sink#0')).toEqual(range(30));
    expect(await place.facts()).toEqual(['generation']);
  });
});

describe('the status board', () => {
  let transport: Transport;
  let control: Control;
  const boards: StatusBoard[] = [];
  const open = async (clock: Clock, process: string, generation = 2): Promise<StatusBoard> => {
    const board = await StatusBoard.open(control, { generation, process, clock });
    boards.push(board);
    return board;
  };
  const fact = (given: Partial<StatusFact>): StatusFact => ({ channel, owner: 'p.source#0', side: 'writer', port: 'numbers', incarnation: 5, process: 'a', status: 'Opened', ...given });
  const say = (generation: number, given: StatusFact): Promise<void> => control.put(FactKey.status(generation, given.channel, given.owner, given.incarnation, given.side), encodeFact(given));
  beforeEach(async () => {
    transport = await memoryBackend.connect(place.location);
    control = transport.control('p');
  });
  afterEach(async () => {
    for (const board of boards.splice(0)) await board.close();
    await transport.close();
  });

  it('believes the latest life of an owner: a Closed of an earlier one changes nothing, however late it comes', async () => {
    const board = await open(ours, 'b');
    await say(2, fact({ status: 'Opened' }));
    await say(2, fact({ incarnation: 4, status: 'Closed', reason: 'done' }));
    expect(board.get(channel, 'p.source#0', 'writer')).toMatchObject({ incarnation: 5, status: 'Opened' });
    expect([...board.standings()]).toEqual([['p.source#0', 'open']]);
    await say(2, fact({ status: 'Closed', reason: 'done' }));
    expect([...board.standings()]).toEqual([['p.source#0', 'done']]);
    await say(2, fact({ incarnation: 6, status: 'Opened' }));
    expect([...board.standings()]).toEqual([['p.source#0', 'open']]);
    await say(2, fact({ incarnation: 7, status: 'Closed', reason: 'left' }));
    expect([...board.standings()]).toEqual([['p.source#0', 'left']]);
  });

  it('hears nothing of other generations, and nothing that it does not understand', async () => {
    await say(1, fact({ incarnation: 9, status: 'Closed', reason: 'done' }));
    const board = await open(ours, 'b');
    await say(3, fact({ incarnation: 9, status: 'Closed', reason: 'done' }));
    await control.put(`${FactKey.statuses(2)}x`, Buffer.from('no JSON'));
    await control.put(`${FactKey.statuses(2)}y`, Buffer.from(JSON.stringify({ ...fact({ status: 'Closed' }), v: 2 })));
    expect(board.get(channel, 'p.source#0', 'writer')).toBeUndefined();
  });

  it('knows what was said before it was opened, and keeps one status of each owner, side and channel', async () => {
    const first = await open(theirs, 'a');
    for (const incarnation of [1, 2, 3]) for (const status of ['Opened', 'Started'] as const) await first.put(fact({ incarnation, status }));
    await first.put(fact({ incarnation: 3, side: 'reader', status: 'Stopped' }));
    const second = await open(ours, 'b');
    expect(second.get(channel, 'p.source#0', 'writer')).toMatchObject({ incarnation: 3, status: 'Started', process: 'a' });
    expect(second.get(channel, 'p.source#0', 'reader')).toMatchObject({ status: 'Stopped' });
    expect((await place.facts()).filter((key) => key.startsWith('status/'))).toEqual([`status/2/${channel}/p.source#0/3/reader`, `status/2/${channel}/p.source#0/3/writer`]);
  });

  it('leaves no heartbeat and no timer when it is closed', async () => {
    const board = await open(ours, 'b');
    expect([ours.timers, await place.facts()]).toEqual([1, ['beat/2/b']]);
    await ours.advance(7_000);
    await board.close();
    expect([ours.timers, await place.facts()]).toEqual([0, []]);
  });

  it('reports a heartbeat that cannot be written, and goes on', async () => {
    const failing: Control = { ...control, put: (key, value) => (ours.now() === 5_002_000 ? Promise.reject(new Error('busy')) : control.put(key, value)) };
    const failures: unknown[] = [];
    const board = await StatusBoard.open(failing, { generation: 2, process: 'b', clock: ours, onFailure: (error) => failures.push(error) });
    boards.push(board);
    await ours.advance(6_000);
    expect(failures).toEqual([new Error('busy')]);
  });
});
