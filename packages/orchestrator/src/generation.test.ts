import { memoryBackend, MillraceError, Pipeline, type ChannelBackend } from '@millrace/core';
import { SettableClock, withFaults, type Fault, type FaultMember } from '@millrace/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gate, pair, Place, range, sorted, Source, Tap } from './fixtures.js';
import type { Run } from './run.js';

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => place.clear());

const channel = 'p.sink.numbers';
const codeOf = (error: unknown): string => (MillraceError.is(error) ? error.code : String(error));
const outcomeOf = (run: Run): Promise<string> => run.completed.then(({ outcome }) => outcome, codeOf);

describe('a second start of a pipeline', () => {
  const defaults = { delivery: 'exactly-once', commitInterval: 0 } as const;

  it('takes over from the first, which ends and says why, and goes on where that was', async () => {
    const paused = gate();
    place.probe.at('source.onRunning', () => (place.probe.received.length >= 9 ? paused.opened : undefined));
    const first = await place.start(pair({ count: 1e9, batch: 3 }), { defaults });
    await place.probe.until(() => place.probe.received.length >= 9);
    const count = 300;
    const second = await place.start(pair({ count, batch: 3 }), { defaults });
    paused.open();
    await expect(first.completed).rejects.toThrow(`MILLRACE_FENCED: another start of p at ${place.location} took over, so this one (generation 1) has ended`);
    expect(first.exitCode).toBe(115);
    expect((await second.completed).outcome).toBe('done');
    expect(second.generation).toBe(2);
    expect(place.probe.kept.get('p.sink#0')).toEqual(range(count));
  });

  it('is noticed by replicas that do nothing, whatever they wait for', async () => {
    // The source never sends, and the sink waits for a second writer that never comes.
    place.probe.at('source.onRunning', () => new Promise(() => {}));
    const first = await place.start(pair({ sink: { replicas: 2 } }), { runId: 'a', only: ['sink'], grace: 0 });
    await place.probe.until(() => place.probe.calls.filter((call) => call.includes('constructor')).length === 2);
    place.probe.at('source.onRunning', () => {});
    const second = await place.start(pair({ sink: { replicas: 2 } }));
    expect(await outcomeOf(first)).toBe('MILLRACE_FENCED');
    expect(await outcomeOf(second)).toBe('done');
  });

  it('at the same moment: exactly one wins', async () => {
    const starts = await Promise.allSettled(range(5).map(() => place.start(pair({ count: 50, batch: 5 }))));
    const ends = await Promise.all(starts.map(async (start) => (start.status === 'rejected' ? codeOf(start.reason) : await outcomeOf(start.value))));
    expect(ends.toSorted()).toEqual(['MILLRACE_FENCED', 'MILLRACE_FENCED', 'MILLRACE_FENCED', 'MILLRACE_FENCED', 'done']);
    for (const { reason } of starts.filter((start) => start.status === 'rejected')) expect(String(reason)).toContain(`another start of p at ${place.location} came in between; this one gives way`);
    expect(place.probe.kept.get('p.sink#0')).toEqual(range(50));
    expect(await place.facts()).toEqual(['generation']);
  });
});

describe('starts with one run id', () => {
  // Under at-least-once what a fenced writer has sent comes twice.
  const defaults = { delivery: 'exactly-once', commitInterval: 0 } as const;
  const shared = (only: readonly string[], runId = 'r1') => ({ runId, only, defaults });
  const triple = () => pair({ count: 600, batch: 20, sink: { replicas: 2 } });
  const kept = (): readonly number[] => sorted([...place.probe.kept.values()].flat());

  it('share a generation and run the pipeline together; the last one to end deletes', async () => {
    const source = await place.start(triple(), shared(['source']));
    const sinks = await Promise.all(['sink#0', 'sink#1'].map((only) => place.start(triple(), shared([only]))));
    expect([source, ...sinks].map(({ generation }) => generation)).toEqual([1, 1, 1]);
    expect([...source.stages.keys()]).toEqual(['p.source#0']);
    expect(await Promise.all([source, ...sinks].map(outcomeOf))).toEqual(['done', 'done', 'done']);
    expect(kept()).toEqual(range(600));
    expect(await place.facts()).toEqual(['generation']);
    expect(await place.unread(channel)).toBeUndefined();
  });

  it('make the channels once, with the generation: who joins finds positions that others may have moved on', async () => {
    const backends = [withFaults(memoryBackend, []), withFaults(memoryBackend, [])];
    const runs = [];
    for (const [i, backend] of backends.entries()) runs.push(await place.start(triple(), { ...shared([['source', 'sink'][i]!]), backends: [backend] }));
    expect(backends.map((backend) => backend.calls('transport.createResources'))).toEqual([1, 0]);
    expect(await Promise.all(runs.map(outcomeOf))).toEqual(['done', 'done']);
  });

  it('may come at the same moment, in any number', async () => {
    const runs = await Promise.all(['source', 'sink#0', 'sink#1'].map((only) => place.start(triple(), shared([only]))));
    expect(runs.map(({ generation }) => generation)).toEqual([1, 1, 1]);
    expect(await Promise.all(runs.map(outcomeOf))).toEqual(['done', 'done', 'done']);
    expect(kept()).toEqual(range(600));
    expect(await place.facts()).toEqual(['generation']);
  });

  it('that come when the run is over are done at once, and run nothing', async () => {
    await (await place.start(triple(), { runId: 'r1' })).completed;
    place.probe.calls.length = 0;
    const late = await place.start(triple(), shared(['sink']));
    expect(await late.completed).toMatchObject({ outcome: 'done', exitCode: 0, replicas: [] });
    expect(late.generation).toBe(1);
    expect(place.probe.calls).toEqual([]);
    expect(await place.facts()).toEqual(['generation']);
  });

  it('take over only the replicas that they run: a container that is started again', async () => {
    const many = () => pair({ count: 300, batch: 3 });
    const paused = gate();
    let steps = 0;
    place.probe.at('source.onRunning', () => (++steps > 10 ? paused.opened : undefined));
    const source = await place.start(many(), shared(['source']));
    const sink = await place.start(many(), shared(['sink']));
    await place.probe.until(() => place.probe.received.length >= 30);
    const again = await place.start(many(), shared(['sink']));
    expect(await outcomeOf(sink)).toBe('MILLRACE_FENCED');
    paused.open();
    expect(await Promise.all([source, again].map(outcomeOf))).toEqual(['done', 'done']);
    expect(again.generation).toBe(1);
    expect(place.probe.kept.get('p.sink#0')).toEqual(range(300));
  });

  it('must plan the same replicas', async () => {
    const tapped = (replicas: number): Pipeline => {
      const pipeline = new Pipeline('p');
      const source = pipeline.add(Source, { count: 1e9 }, { name: 'source' });
      pipeline.add(Tap, {}, { name: 'tap', replicas, ports: { numbers: { partitions: 6 } } }).numbers.connect(source.numbers);
      return pipeline;
    };
    await place.start(tapped(2), shared(['source']));
    await expect(place.start(tapped(3), shared(['tap']))).rejects.toThrow('MILLRACE_RESCALE_REFUSED: run r1 of p was started with 2 of tap, and this start plans 3; give all starts of a run the same pipeline, or a new runId');
    expect((await place.start(tapped(2), shared(['tap']))).generation).toBe(1);
  });

  it('of which one is fresh delete only what was there before the run', async () => {
    const old = await place.start(pair({ count: 1e9, batch: 3, sink: { replicas: 2 } }));
    await place.probe.until(() => place.probe.received.length > 0);
    await old.stop({ mode: 'now' });
    place.probe.kept.clear();
    const source = await place.start(triple(), { ...shared(['source']), fresh: true });
    await place.probe.until(() => place.probe.calls.includes('source#0.onShutdown(done)'));
    const sink = await place.start(triple(), { ...shared(['sink']), fresh: true });
    expect(await Promise.all([source, sink].map(outcomeOf))).toEqual(['done', 'done']);
    expect(kept()).toEqual(range(600));
  });

  it('with another id are another run: they take over', async () => {
    const first = await place.start(triple(), shared(['source'], 'r1'));
    const second = await place.start(triple(), { runId: 'r2', defaults });
    expect([first.generation, second.generation]).toEqual([1, 2]);
    expect(['MILLRACE_FENCED', 'done']).toContain(await outcomeOf(first));
    expect(await outcomeOf(second)).toBe('done');
    expect(kept()).toEqual(range(600));
  });

  it('wait for one that is under way, but not for ever', async () => {
    const clock = new SettableClock();
    // The second one takes the lock from the first, and then stands in the middle of its start.
    const standing = withFaults(memoryBackend, [{ member: 'session.commit', owner: 'p', at: 2, action: 'hang' }]);
    const first = place.start(triple(), { ...shared(['source']), backends: [standing], clock });
    void place.start(triple(), { ...shared(['sink']), backends: [standing], clock });
    const waited = expect(first).rejects.toThrow('MILLRACE_TIMEOUT: another start of p with run id r1 has not finished starting in 60000 ms');
    await clock.scheduled();
    await clock.advance(60_000);
    await waited;
    // Whoever comes next finishes what they began.
    const runs = await Promise.all(['source', 'sink'].map((only) => place.start(triple(), shared([only]))));
    expect(await Promise.all(runs.map(outcomeOf))).toEqual(['done', 'done']);
    expect(runs.map(({ generation }) => generation)).toEqual([1, 1]);
  });
});

describe('a start that is cut short', () => {
  /** Which calls a clean start makes, up to the first step of a replica. */
  const MEMBERS: readonly FaultMember[] = ['backend.connect', 'transport.open', 'transport.createResources', 'control.put', 'control.remove', 'control.follow', 'session.commit', 'session.close'];
  const defaults = { delivery: 'exactly-once' } as const;

  /** A pipeline that was stopped in the middle, with some records read and some not. */
  async function prepare(): Promise<Place> {
    const where = new Place();
    where.probe.at('sink.onRunning', () => (where.probe.received.length >= 6 ? stop() : undefined));
    const run = await where.start(pair({ count: 40, batch: 3 }), { defaults });
    const stop = (): void => void run.stop({ mode: 'now' });
    await run.completed;
    where.probe.at('sink.onRunning', () => {});
    return where;
  }

  async function startWith(where: Place, backend: ChannelBackend): Promise<string> {
    return await where.start(pair({ count: 40, batch: 3 }), { defaults, backends: [backend], grace: 0 }).then(outcomeOf, codeOf);
  }

  /** Every call of a clean run, in order. */
  async function callsOf(): Promise<ReadonlyMap<FaultMember, number>> {
    const where = await prepare();
    const backend = withFaults(memoryBackend, []);
    expect(await startWith(where, backend)).toBe('done');
    await where.clear();
    return new Map(MEMBERS.map((member) => [member, backend.calls(member)]));
  }

  it.each(['before', 'after'] as const)('%s any of its calls, is mended by the next one: nothing is lost, doubled or left', async (when) => {
    let cuts = 0;
    for (const [member, count] of await callsOf()) {
      for (let at = 1; at <= count; at++) {
        const where = await prepare();
        const fault: Fault = { member, at, action: 'cut', after: when === 'after' };
        const backend = withFaults(memoryBackend, [fault]);
        const ended = await startWith(where, backend);
        const place = `${member} ${at} ${when}: ${ended}`;
        cuts += backend.injected.length;
        where.probe.kept.clear();
        // Where the cut came so late that the run was complete, the next one does all of it again.
        const next = await where.start(pair({ count: 40, batch: 3 }), { defaults });
        expect([place, await outcomeOf(next)]).toEqual([place, 'done']);
        const kept = where.probe.kept.get('p.sink#0');
        if (kept !== undefined) expect([place, kept]).toEqual([place, range(40)]);
        expect([place, await where.facts()]).toEqual([place, ['generation']]);
        expect([place, await where.unread(channel)]).toEqual([place, undefined]);
        await where.clear();
      }
    }
    expect(cuts).toBeGreaterThan(30);
  });
});
