import { MillraceError, dropMemorySpace, memoryBackend, type ChannelReader, type ChannelWriter, type OutgoingBatch, type Owner, type Session, type Transport } from '@millrace/core';
import { afterEach, describe, expect, it } from 'vitest';
import { SettableClock } from '../clock/index.js';
import { withFaults, type Fault, type FaultPlan, type FaultyBackend } from './index.js';

let spaces = 0;
const used: string[] = [];
afterEach(() => {
  for (const space of used.splice(0)) dropMemorySpace(space);
});

interface Bench {
  readonly backend: FaultyBackend;
  readonly transport: Transport;
  readonly session: Session;
  readonly reader: ChannelReader;
  readonly writer: ChannelWriter;
  readonly wakes: () => number;
  readonly open: (owner?: Partial<Owner>) => Promise<Session>;
}

async function bench(plan: FaultPlan | readonly Fault[], delivery: Owner['delivery'] = 'at-least-once'): Promise<Bench> {
  const space = `faults-${++spaces}`;
  used.push(space);
  const backend = withFaults(memoryBackend, plan);
  const transport = await backend.connect(`memory:${space}`);
  await transport.createResources([{ name: 'channel', partitions: 1, groups: ['group'] }]);
  let wakes = 0;
  const open = (owner: Partial<Owner> = {}): Promise<Session> => transport.open({ id: 'p.op#0', delivery, wake: () => wakes++, ...owner });
  const session = await open();
  const reader = await session.reader('channel', { group: 'group', partitions: [0], start: 'earliest' });
  await reader.loadInputRecordOffset();
  return { backend, transport, session, reader, writer: await session.writer('channel'), wakes: () => wakes, open };
}

const batch = (...objects: string[]): OutgoingBatch => ({ partition: 0, count: objects.length, objects, bytes: new Uint8Array(0), bounds: new Uint32Array(0), schema: '0'.repeat(16), timestamp: 1 });
const injected = expect.objectContaining({ code: 'MILLRACE_INJECTED_FAULT' });
/** Whether a promise is still open once everything that does not wait for time has happened. */
async function open(promise: Promise<unknown>): Promise<boolean> {
  let still = true;
  const settled = (): void => void (still = false);
  promise.then(settled, settled);
  await new Promise((resolve) => setImmediate(resolve));
  return still;
}

describe('withFaults', () => {
  it('fails the call that the plan names, and no other', async () => {
    const { session, writer, backend } = await bench([{ member: 'session.commit', at: 2, action: 'fail' }]);
    await session.commit(new Map());
    void writer.writeRecords(batch('a'));
    expect(() => session.commit(new Map())).toThrow(/MILLRACE_INJECTED_FAULT: call 2 of session.commit was made to fail/);
    expect(await session.commit(new Map())).toEqual({ ends: new Map([[writer, new Map([[0, 1]])]]) });
    expect(backend.calls('session.commit')).toBe(3);
    expect(backend.injected).toEqual([{ member: 'session.commit', call: 2, action: 'fail', after: false, owner: 'p.op#0', channel: undefined }]);
  });

  it('keeps the shape of every member: at once what answers at once, a promise where there is one', async () => {
    const { session, reader, writer, transport } = await bench([]);
    expect(writer.writeRecords(batch('a'))).toBeUndefined();
    expect(reader.hasRecords()).toBe(true);
    const read = reader.readRecords();
    expect(read?.objects).toEqual(['a']);
    expect(session.commit(new Map([[reader, new Map([[0, 1]])]]))).toEqual({ ends: new Map([[writer, new Map([[0, 1]])]]) });
    expect([reader.endOffsets(), reader.getConsumerLag(), session.close(), transport.close()].every((answer) => answer instanceof Promise)).toBe(true);
  });

  it('can perform the call and lose the answer', async () => {
    const { session, reader, transport } = await bench([{ member: 'session.commit', action: 'fail', after: true }, { member: 'writer.writeRecords', action: 'fail', after: true }]);
    const writer = await session.writer('channel');
    expect(() => writer.writeRecords(batch('a'))).toThrow('MILLRACE_INJECTED_FAULT');
    expect(reader.readRecords()?.objects).toEqual(['a']);
    expect(() => session.commit(new Map([[reader, new Map([[0, 1]])]]), new Map([['k', new Uint8Array([1])]]))).toThrow('MILLRACE_INJECTED_FAULT');
    expect((await transport.describeChannel('channel'))?.groups).toEqual(new Map([['group', new Map([[0, 1]])]]));
    expect(session.state.size).toBe(1);
  });

  it('without that, a failed call has done nothing', async () => {
    const { session, reader, transport } = await bench([{ member: 'session.commit', action: 'fail' }, { member: 'writer.writeRecords', action: 'fail' }]);
    const writer = await session.writer('channel');
    expect(() => writer.writeRecords(batch('a'))).toThrow('MILLRACE_INJECTED_FAULT');
    expect(reader.readRecords()).toBeUndefined();
    expect(() => session.commit(new Map(), new Map([['k', new Uint8Array([1])]]))).toThrow('MILLRACE_INJECTED_FAULT');
    expect(session.state.size).toBe(0);
    expect((await transport.describeChannel('channel'))?.ends).toEqual(new Map([[0, 0]]));
  });

  it('rejects where a promise is owed', async () => {
    const { backend, session, reader, transport } = await bench([
      { member: 'backend.connect', at: 2, action: 'fail' }, { member: 'session.reader', at: 2, action: 'fail' }, { member: 'session.writer', at: 2, action: 'fail' },
      { member: 'reader.endOffsets', action: 'fail' }, { member: 'transport.open', at: 2, action: 'fail' }, { member: 'control.put', action: 'fail' }, { member: 'control.follow', action: 'fail' },
    ]);
    await expect(backend.connect('memory:')).rejects.toThrow('MILLRACE_INJECTED_FAULT');
    await expect(session.reader('channel', { group: 'group', partitions: [0], start: 'earliest' })).rejects.toEqual(injected);
    await expect(session.writer('channel')).rejects.toEqual(injected);
    await expect(reader.endOffsets()).rejects.toEqual(injected);
    await expect(transport.open({ id: 'x', delivery: 'at-least-once', wake: () => undefined })).rejects.toEqual(injected);
    await expect(transport.control('p').put('k', new Uint8Array(1))).rejects.toEqual(injected);
    await expect(transport.control('p').follow('', () => undefined)).rejects.toEqual(injected);
  });

  it('counts for an owner or a channel alone where the fault names one', async () => {
    const { session, open } = await bench([{ member: 'session.commit', at: 2, action: 'fail', owner: /#1$/ }, { member: 'session.writer', at: 'every', action: 'fail', channel: 'other' }]);
    const other = await open({ id: 'p.op#1' });
    await session.commit(new Map());
    await session.commit(new Map());
    await other.commit(new Map());
    expect(() => other.commit(new Map())).toThrow('MILLRACE_INJECTED_FAULT');
    await session.writer('channel');
    await expect(session.writer('other')).rejects.toEqual(injected);
  });

  it('fails several calls, or every one, with an error of the plan’s own', async () => {
    const mine = new Error('disk full');
    const { session, reader } = await bench([{ member: 'session.commit', at: [1, 3], action: 'fail', error: mine }, { member: 'reader.seek', at: 'every', action: 'fail' }]);
    const outcomes = [1, 2, 3, 4].map(() => {
      try {
        void session.commit(new Map());
        return 'well';
      } catch (error) {
        return error;
      }
    });
    expect(outcomes).toEqual([mine, 'well', mine, 'well']);
    for (let i = 0; i < 3; i++) expect(() => reader.seek(0, 0)).toThrow('MILLRACE_INJECTED_FAULT');
  });

  it('delays: before the call or after it, as long as the clock says', async () => {
    const clock = new SettableClock();
    const { session, reader, writer } = await bench({ clock, faults: [{ member: 'writer.writeRecords', at: 1, action: 'delay', delay: 100 }, { member: 'writer.writeRecords', at: 2, action: 'delay', delay: 100, after: true }, { member: 'session.commit', action: 'delay', delay: 10 }] });
    const first = writer.writeRecords(batch('a'));
    expect(first).toBeInstanceOf(Promise);
    await clock.advance(99);
    expect(reader.hasRecords()).toBe(false);
    await clock.advance(1);
    await first;
    expect(reader.readRecords()?.objects).toEqual(['a']);
    const second = writer.writeRecords(batch('b'));
    expect(reader.readRecords()?.objects).toEqual(['b']);
    expect(await open(second ?? Promise.resolve())).toBe(true);
    await clock.advance(100);
    await second;
    const commit = session.commit(new Map());
    expect(commit).toBeInstanceOf(Promise);
    await clock.advance(10);
    expect((await commit).ends.get(writer)).toEqual(new Map([[0, 2]]));
  });

  it('a delayed read gives nothing for a while, then a wake follows; one that hangs never does', async () => {
    const clock = new SettableClock();
    const { reader, writer, wakes } = await bench({ clock, faults: [{ member: 'reader.readRecords', at: 1, action: 'delay', delay: 20 }, { member: 'reader.readRecords', at: 4, action: 'hang' }] });
    void writer.writeRecords(batch('a'));
    const before = wakes();
    expect([reader.readRecords(), reader.readRecords(), reader.hasRecords()]).toEqual([undefined, undefined, true]);
    await clock.advance(20);
    expect(wakes()).toBe(before + 1);
    expect(reader.readRecords()?.objects).toEqual(['a']);
    void writer.writeRecords(batch('b'));
    expect(reader.readRecords()).toBeUndefined();
    await clock.advance(1_000_000);
    expect(reader.readRecords()).toBeUndefined();
  });

  it('hangs: never answers, performed or not', async () => {
    const { session, reader, writer, transport } = await bench([{ member: 'writer.writeRecords', at: 1, action: 'hang' }, { member: 'writer.writeRecords', at: 2, action: 'hang', after: true }, { member: 'session.commit', action: 'hang', after: true }, { member: 'transport.describeChannel', action: 'hang' }]);
    const waits = [writer.writeRecords(batch('a')), writer.writeRecords(batch('b')), session.commit(new Map()) as Promise<unknown>, transport.describeChannel('channel')];
    expect(await Promise.all(waits.map((wait) => open(wait ?? Promise.resolve())))).toEqual([true, true, true, true]);
    expect(reader.readRecords()?.objects).toEqual(['b']);
    expect((await transport.describeChannel('channel'))?.ends).toEqual(new Map([[0, 1]]));
  });

  it('cuts a session: it says so, is woken, fails whatever is under way and all that comes; others go on', async () => {
    const { session, reader, writer, wakes, open: another } = await bench([{ member: 'session.commit', action: 'cut', owner: 'p.op#0' }, { member: 'reader.endOffsets', action: 'hang' }]);
    const other = await another({ id: 'p.other#0' });
    const waiting = reader.endOffsets();
    const before = wakes();
    expect(() => session.commit(new Map())).toThrow('call 1 of session.commit was made to cut');
    await expect(waiting).rejects.toEqual(injected);
    expect(MillraceError.is(session.failure, 'MILLRACE_INJECTED_FAULT')).toBe(true);
    expect(wakes()).toBe(before + 1);
    expect(session.wantsCommit).toBe(false);
    for (const call of [() => session.commit(new Map()), () => reader.readRecords(), () => reader.hasRecords(), () => writer.writeRecords(batch('a'))]) expect(call).toThrow('MILLRACE_INJECTED_FAULT');
    await expect(session.writer('channel')).rejects.toEqual(injected);
    await session.close();
    expect(other.failure).toBeUndefined();
    expect(await other.commit(new Map())).toEqual({ ends: new Map() });
  });

  it('cuts a writer that waits for room', async () => {
    const { open: another } = await bench([{ member: 'session.commit', action: 'cut' }]);
    const session = await another({ id: 'p.source#0' });
    const writer = await session.writer('channel');
    let room: Promise<void> | undefined;
    while (room === undefined) room = writer.writeRecords(batch(...Array.from({ length: 500 }, (_, i) => `${i}`)));
    expect(await open(room)).toBe(true);
    expect(() => session.commit(new Map())).toThrow('MILLRACE_INJECTED_FAULT');
    await expect(room).rejects.toEqual(injected);
  });

  it('a session that was cut is fenced by the next one, and what it had staged is gone', async () => {
    const { session, writer, open: again } = await bench([{ member: 'session.commit', action: 'cut' }], 'exactly-once');
    void writer.writeRecords(batch('lost'));
    expect(() => session.commit(new Map())).toThrow('MILLRACE_INJECTED_FAULT');
    const next = await again();
    const reader = await next.reader('channel', { group: 'group', partitions: [0], start: 'earliest' });
    await reader.loadInputRecordOffset();
    expect(reader.readRecords()).toBeUndefined();
    expect(next.incarnation).toBe(session.incarnation + 1);
  });

  it('a cut of the transport ends all of its sessions; a new connection is well', async () => {
    const { backend, transport, session, open: another } = await bench([{ member: 'transport.describeChannel', action: 'cut' }]);
    const other = await another({ id: 'p.other#0' });
    await expect(transport.describeChannel('channel')).rejects.toEqual(injected);
    expect([session.failure, other.failure]).toEqual([injected, injected]);
    await expect(transport.createResources([])).rejects.toEqual(injected);
    await transport.close();
    const anew = await backend.connect(transport.identity);
    expect((await anew.describeChannel('channel'))?.partitions).toBe(1);
  });

  it('injects by chance: the same seed gives the same faults, another one others, and heal ends them', async () => {
    const run = async (seed: number, heal = Infinity): Promise<readonly string[]> => {
      const { backend, session, writer, reader } = await bench({ random: { seed, rate: 0.3, members: ['session.commit', 'writer.writeRecords', 'reader.hasRecords'], actions: ['fail', 'hang'] } });
      for (let i = 0; i < 50; i++) {
        if (i === heal) backend.heal();
        for (const call of [() => writer.writeRecords(batch('a')), () => session.commit(new Map()), () => reader.hasRecords()]) {
          try {
            void call();
          } catch (error) {
            expect(error).toEqual(injected);
          }
        }
      }
      return backend.injected.map(({ member, call, action, after }) => `${member} ${call} ${action} ${String(after)}`);
    };
    const [one, again, other, healed] = [await run(1), await run(1), await run(2), await run(1, 10)];
    expect(one).toEqual(again);
    expect(one).not.toEqual(other);
    expect(one.length).toBeGreaterThan(20);
    expect(one.length).toBeLessThan(80);
    expect(one.some((fault) => fault.startsWith('reader.hasRecords') && fault.includes('hang'))).toBe(false);
    expect(healed.length).toBeLessThan(one.length);
    expect(one.slice(0, healed.length)).toEqual(healed);
  });

  it('injects by chance no more than the limit', async () => {
    const { backend, reader } = await bench({ random: { seed: 7, rate: 1, limit: 3, members: ['reader.hasRecords'] } });
    for (let i = 0; i < 3; i++) expect(() => reader.hasRecords()).toThrow();
    backend.heal();
    expect(backend.injected).toHaveLength(3);
  });

  it('refuses plans that can never do what they say', () => {
    for (const fault of [
      { member: 'reader.hasRecords', action: 'delay' },
      { member: 'reader.seek', action: 'hang' },
      { member: 'session.commit', action: 'fail', at: 0 },
      { member: 'session.commit', action: 'fail', at: [1, 1.5] },
      { member: 'session.commit', action: 'delay', delay: -1 },
      { member: 'session.comit' as 'session.commit', action: 'fail' },
    ] as const) expect(() => withFaults(memoryBackend, [fault])).toThrow(RangeError);
    expect(() => withFaults(memoryBackend, { random: { seed: 1, rate: 2 } })).toThrow(RangeError);
  });
});
