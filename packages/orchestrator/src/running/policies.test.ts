import { SettableClock } from '@millrace/testing';
import type { EndReason } from '@millrace/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Relay} from './fixtures.js';
import { chain, collects, counts, Counter, Join, metricsOf, Place, range, sends, Sink, Source, Summer, throwsAt, throwsInLoop, turns, type Role } from './fixtures.js';

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => place.clear());

describe.each([['retrieve', throwsAt], ['a loop', throwsInLoop]] as const)('a step with %s that throws', (_, role) => {
  it('fails the run by default, with the place, and the operator’s own error as the cause', async () => {
    chain(place, role([7]), {}, 20, 1);
    await expect((await place.start()).completed).rejects.toMatchObject({ code: 'MILLRACE_STEP_FAILED', operator: 'p.relay#0', cause: new Error('bad 7') });
  });

  it('over the only record in hand names it', async () => {
    place = new Place('records=1');
    chain(place, role([7]), {}, 20, 1);
    await expect((await place.start()).completed).rejects.toMatchObject({ code: 'MILLRACE_STEP_FAILED', message: 'MILLRACE_STEP_FAILED: p.relay#0.onRunning failed at in, partition 0, offset 7: bad 7', operator: 'p.relay#0', port: 'in', partition: 0, offset: 7 });
  });

  it.each(['skip', 'deadLetter'] as const)('leaves out exactly the record that is to blame, one of a batch of many; all others go on once, in order: %s', async (onError) => {
    const got = chain(place, role([7]), { delivery: 'exactly-once', ports: { in: { onError } } });
    const run = await place.start();
    expect((await run.completed).outcome).toBe('done');
    expect(got).toEqual(range(20).filter((n) => n !== 7));
    expect((await metricsOf(run, 'relay'))?.ports.find(({ port }) => port === 'in')).toMatchObject(onError === 'skip' ? { skipped: 1, deadLettered: 0 } : { skipped: 0, deadLettered: 1 });
  });

  it('may have many to leave out, at either end and side by side', async () => {
    const bad = [0, 1, 9, 10, 19, 20, 21, 39];
    const got = chain(place, role(bad), { delivery: 'exactly-once', ports: { in: { onError: 'skip', retries: 1, backoff: 0 } } }, 40, 20);
    const run = await place.start();
    await run.completed;
    expect(got).toEqual(range(40).filter((n) => !bad.includes(n)));
    expect((await metricsOf(run, 'relay'))?.ports.find(({ port }) => port === 'in')).toMatchObject({ skipped: bad.length });
  });

  it('may have nothing but records to leave out', async () => {
    const got = chain(place, role(range(5)), { delivery: 'exactly-once', ports: { in: { onError: 'skip' } } }, 5, 5);
    await (await place.start()).completed;
    expect(got).toEqual([]);
    expect((await place.start({ mode: 'ResourceCreationOnly' })).generation).toBeGreaterThan(1);
  });

  it('is tried again as often as asked, with pauses that double, before the record is left out', async () => {
    const clock = new SettableClock();
    const tries: number[] = [];
    place = new Place('records=1');
    const got = chain(place, role([2], (n) => n === 2 && void tries.push(clock.now())), { delivery: 'exactly-once', ports: { in: { onError: 'skip', retries: 3, backoff: 100 } } }, 5, 1);
    const run = await place.start({ clock });
    await place.until(() => tries.length === 1);
    for (let i = 0; i < 800 && got.length < 4; i++) {
      await turns();
      await clock.advance(1);
    }
    await run.completed;
    expect(tries.slice(1).map((at, i) => at - tries[i]!)).toEqual([100, 200, 400]);
    expect(got).toEqual([0, 1, 3, 4]);
    expect((await metricsOf(run, 'relay'))?.retries).toBe(4);
  });

  it('that goes well the next time leaves nothing out', async () => {
    let failures = 0;
    const got = chain(place, {
      onRunning: (relay) => {
        const bad = failures < 2 ? [3] : [];
        return role(bad, (n) => n === 3 && void failures++).onRunning(relay);
      },
    }, { delivery: 'exactly-once', ports: { in: { retries: 5, backoff: 0 } } }, 10, 10);
    expect((await (await place.start()).completed).outcome).toBe('done');
    expect(got).toEqual(range(10));
  });

  it('fails the run where the retries are used up and the policy is to fail', async () => {
    let tries = 0;
    chain(place, role([3], (n) => n === 3 && void tries++), { ports: { in: { retries: 2, backoff: 0 } } }, 10, 10);
    await expect((await place.start()).completed).rejects.toMatchObject({ code: 'MILLRACE_STEP_FAILED', offset: 3, cause: new Error('bad 3') });
    // Once among others, three times alone.
    expect(tries).toBe(4);
  });

  it('may send again what it sent before, under at-least-once, but nothing is missing and the order is kept', async () => {
    const got = chain(place, role([7]), { ports: { in: { onError: 'skip' } } });
    await (await place.start()).completed;
    expect(new Set(got)).toEqual(new Set(range(20)));
    const last = got.lastIndexOf(0);
    expect(got.slice(last)).toEqual(range(20).filter((n) => n !== 7));
  });
});

describe('the instance whose step failed', () => {
  it('is told, shut down as failed and replaced by a new one with the state of the last commit', async () => {
    const events: string[] = [];
    const sums: number[] = [];
    let instances = 0;
    const source = place.add(Source, 'source', sends(6, 3));
    const failing = new Set([4]);
    const summer = place.add(Summer, 'summer', {
      onInit: ({ total }) => void events.push(`init ${++instances} with ${total.sum}`),
      onRunning({ in: input, total }) {
        for (const { n } of input.retrieve()) {
          total.sum += n;
          if (failing.delete(n)) throw new Error('no');
        }
        sums.push(total.sum);
      },
      onError: (_, error, hook) => void events.push(`${hook}: ${error.message}`),
      onShutdown({ out }, reason) {
        events.push(reason);
        if (reason === 'failed') void out.send([{ n: -1 }]);
      },
    }, { delivery: 'exactly-once', commitInterval: 0, ports: { in: { retries: 1, backoff: 0 } } });
    summer.in.connect(source.out);
    const got: number[] = [];
    place.add(Sink, 'sink', collects(got)).in.connect(summer.out);
    const errors: [string, boolean][] = [];
    const run = await place.start();
    run.on('error', (_replica, error, _hook, fatal) => errors.push([error.message.replace(/ at .*:/, ':'), fatal]));
    await run.completed;
    expect(events[0]).toBe('init 1 with 0');
    expect(events.slice(1, 3)).toEqual(['onRunning: no', 'failed']);
    expect(['init 2 with 3', 'init 2 with 0']).toContain(events[3]);
    expect(events.slice(4)).toEqual(['done']);
    expect(sums.at(-1)).toBe(15);
    expect(errors).toEqual([['MILLRACE_STEP_FAILED: p.summer#0.onRunning failed: no', false]]);
    // What it sent on its way out goes nowhere, and does not trouble its successor.
    expect(got).toEqual([]);
  });

  it('has its positions again, also those that it held back', async () => {
    const seen: number[][] = [[]];
    const source = place.add(Source, 'source', sends(6, 1));
    let failed = false;
    place.add(Sink, 'sink', {
      onRunning({ in: input }) {
        for (const { value: { n }, offset } of input.retrieveEntries()) {
          seen.at(-1)!.push(n);
          if (n === 1) input.retainFrom(0, offset);
          if (n !== 4 || failed) continue;
          failed = true;
          seen.push([]);
          throw new Error('once');
        }
      },
    }, { commitInterval: 0, ports: { in: { retries: 1, backoff: 0 } } }).in.connect(source.out);
    await (await place.start()).completed;
    expect(seen[0]?.at(-1)).toBe(4);
    expect(seen[1]).toContain(1);
    expect(seen[1]?.slice(seen[1].indexOf(1))).toEqual([1, 2, 3, 4, 5]);
  });
});

describe('two inputs', () => {
  it('have each their own policy: the record in hand decides', async () => {
    const got: string[] = [];
    const first = place.add(Source, 'first', sends(10, 5));
    const second = place.add(Source, 'second', sends(10, 5));
    const join = place.add(Join, 'join', {
      onRunning({ a, b }) {
        const ofA = a.retrieve();
        const ofB = b.retrieve();
        if (ofA.some(({ n }) => n === 3)) throw new Error('a3');
        if (ofB.some(({ n }) => n === 6)) throw new Error('b6');
        got.push(...ofA.map(({ n }) => `a${n}`), ...ofB.map(({ n }) => `b${n}`));
      },
    }, { commitInterval: 0, ports: { a: { onError: 'skip' }, b: { onError: 'skip', retries: 2, backoff: 0 } } });
    join.a.connect(first.out);
    join.b.connect(second.out);
    const run = await place.start();
    await run.completed;
    expect(new Set(got)).toEqual(new Set([...range(10).filter((n) => n !== 3).map((n) => `a${n}`), ...range(10).filter((n) => n !== 6).map((n) => `b${n}`)]));
    expect((await metricsOf(run, 'join'))?.ports.filter(({ port }) => port !== 'out').map(({ port, skipped }) => [port, skipped])).toEqual([['a', 1], ['b', 1]]);
  });

  it('do not keep each other from getting past a failing place, however much comes in one of them', async () => {
    let failed = false;
    let passed = 0;
    const endless = place.add(Source, 'endless', {
      onRunning({ out }) {
        void out.send([{ n: 0 }]);
        return passed > 0;
      },
    });
    const other = place.add(Source, 'other', sends(3, 3));
    const join = place.add(Join, 'join', {
      onRunning({ a, b }) {
        a.retrieve();
        for (const { n } of b.retrieve()) {
          if (n === 2 && !failed) {
            failed = true;
            throw new Error('once');
          }
          if (n === 2) passed++;
        }
      },
    }, { ports: { a: { retries: 1 }, b: { retries: 1, backoff: 0 } } });
    join.a.connect(endless.out);
    join.b.connect(other.out);
    expect((await (await place.start()).completed).outcome).toBe('done');
    expect(passed).toBe(1);
  });

  it('of which one may fail: a throw over a record of that one ends the run', async () => {
    const first = place.add(Source, 'first', sends(10, 5));
    const second = place.add(Source, 'second', sends(10, 5));
    const join = place.add(Join, 'join', {
      onRunning({ a, b }) {
        a.retrieve();
        if (b.retrieve().some(({ n }) => n === 6)) throw new Error('b6');
      },
    }, { ports: { a: { onError: 'skip' } } });
    join.a.connect(first.out);
    join.b.connect(second.out);
    await expect((await place.start()).completed).rejects.toMatchObject({ code: 'MILLRACE_STEP_FAILED', cause: new Error('b6') });
  });
});

describe('a throw that no record can be blamed for ends the run', () => {
  const skipping = { ports: { in: { onError: 'skip', retries: 5, backoff: 0 } } } as const;
  const start = async (role: Partial<Role<Relay>>, options: object = {}) => {
    chain(place, { ...throwsAt([]), ...role }, { ...skipping, ...options });
    return (await place.start()).completed;
  };

  it('in a source', async () => {
    place.add(Source, 'source', { onRunning: () => Promise.reject(new Error('no')) });
    await expect((await place.start()).completed).rejects.toMatchObject({ code: 'MILLRACE_STEP_FAILED', message: 'MILLRACE_STEP_FAILED: p.source#0.onRunning failed: no' });
  });

  it('with no record in hand', async () => {
    await expect(start({ onRunning: () => Promise.reject(new Error('no')) })).rejects.toMatchObject({ code: 'MILLRACE_STEP_FAILED' });
  });

  it('in onTick', async () => {
    await expect(start({ onRunning: () => false, onTick: () => Promise.reject(new Error('no')) }, { tick: 1 })).rejects.toMatchObject({ code: 'MILLRACE_HOOK_FAILED', message: 'MILLRACE_HOOK_FAILED: p.relay#0.onTick failed: no' });
  });

  it('in onTick between two turns of a loop', async () => {
    const source = place.add(Source, 'source', { onRunning: () => undefined });
    place.add(Sink, 'sink', {
      async onRunning({ in: input }) {
        for await (const batch of input) void batch;
      },
      onTick: () => Promise.reject(new Error('no')),
    }, { tick: 1, ...skipping }).in.connect(source.out);
    await expect((await place.start()).completed).rejects.toMatchObject({ code: 'MILLRACE_HOOK_FAILED', message: 'MILLRACE_HOOK_FAILED: p.sink#0.onTick failed: no' });
  });

  it('with several in hand, although they were handed out one by one', async () => {
    const first = place.add(Source, 'first', sends(3));
    const second = place.add(Source, 'second', sends(3));
    const join = place.add(Join, 'join', {
      async onRunning({ a, b }) {
        for await (const outer of a) for await (const inner of b) throw new Error(`${outer.length} and ${inner.length}`);
      },
    }, { ports: { a: skipping.ports.in, b: skipping.ports.in } });
    join.a.connect(first.out);
    join.b.connect(second.out);
    const run = await place.start();
    await expect(run.completed).rejects.toMatchObject({ code: 'MILLRACE_STEP_FAILED', cause: new Error('1 and 1') });
    expect((await metricsOf(run, 'join'))?.retries).toBe(1);
  });

  it.each([undefined, null, 'text', 7])('with something that is no error: %j', async (thrown) => {
    place.add(Source, 'source', {
      onRunning() {
        throw thrown;
      },
    });
    await expect((await place.start()).completed).rejects.toMatchObject({ code: 'MILLRACE_NOT_AN_ERROR', message: expect.stringContaining(`p.source#0.onRunning threw ${thrown === undefined ? 'undefined' : JSON.stringify(thrown)} instead of an Error`) as string });
  });
});

describe('under exactly-once', () => {
  it('state, positions and outputs of a run with failures are those of a run without', async () => {
    const got: number[] = [];
    const failing = new Map(range(10).map((n) => [n * 9, 2]));
    const source = place.add(Counter, 'source', counts(100, 13));
    const summer = place.add(Summer, 'summer', {
      async onRunning({ in: input, out, total }) {
        for (const { n } of input.retrieve()) {
          total.sum += n;
          await out.send([{ n: total.sum }]);
          const left = failing.get(n) ?? 0;
          failing.set(n, left - 1);
          if (left > 0) throw new Error('no');
        }
      },
    }, { delivery: 'exactly-once', commitInterval: 0, ports: { in: { retries: 2, backoff: 0 } } });
    summer.in.connect(source.out);
    place.add(Sink, 'sink', collects(got)).in.connect(summer.out);
    const reasons: EndReason[] = [];
    await (await place.start()).completed.then(({ replicas }) => reasons.push(...replicas.map(({ reason }) => reason)));
    expect(got).toEqual(range(100).map((n) => (n * (n + 1)) / 2));
    expect(reasons).toEqual(['done', 'done', 'done']);
  });
});
