import type { OutputRef } from '@millrace/core';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { collects, Counter, Join, nums, Place, range, Relay, sends, Sink, sorted, Source, turns, type Num, type Role } from './fixtures.js';

let place: Place;
afterEach(() => place.clear());

const deliveries = ['at-least-once', 'exactly-once'] as const;

describe.each(deliveries)('back-pressure, %s', (delivery) => {
  it.each([1, 2, 3, 10])('bounds what is under way by the channel’s bound and the batch in each hand: records=%i', async (records) => {
    place = new Place(`records=${records}`);
    let sent = 0;
    let received = 0;
    let most = 0;
    const source = place.add(Source, 'source', {
      async onRunning({ out }) {
        await out.send(nums(sent, sent + 2));
        sent += 2;
        return sent === 200;
      },
    }, { delivery });
    place.add(Sink, 'sink', {
      async onRunning({ in: input }) {
        const values = input.retrieve();
        most = Math.max(most, sent - received);
        await turns(1);
        received += values.length;
      },
    }, { delivery, commitInterval: 0 }).in.connect(source.out);
    await (await place.start()).completed;
    expect(received).toBe(200);
    // In the channel up to its bound and the batch that went over it; as much in the sink's hand, and in the batch that it fetched ahead.
    expect(most).toBeLessThanOrEqual(3 * (records + 2));
  });

  it('is told in ms', async () => {
    place = new Place('records=2');
    const source = place.add(Source, 'source', sends(20));
    place.add(Sink, 'sink', {
      async onRunning({ in: input }) {
        input.retrieve();
        await turns(5);
      },
    }).in.connect(source.out);
    const run = await place.start();
    await run.completed;
    expect((await run.metrics()).replicas.find(({ operator }) => operator === 'source')?.ports[0]?.backPressureMs).toBeGreaterThan(0);
  });

  it('does not stop a cycle that is emptied as it goes', async () => {
    place = new Place('records=4');
    const got: number[] = [];
    const source = place.add(Source, 'source', sends(30));
    // Counts each number down to 0, a turn of the circle each.
    const circle = place.add(Join, 'circle', {
      async onRunning({ a, b, out }) {
        const values = [...a.retrieve(), ...b.retrieve()];
        got.push(...values.filter(({ n }) => n === 0).map(({ n }) => n));
        await out.send(values.filter(({ n }) => n > 0).map(({ n }) => ({ n: n - 1 })));
        return got.length === 30;
      },
    }, { delivery });
    circle.a.connect(source.out);
    circle.b.connect(circle.out);
    expect((await (await place.start()).completed).outcome).toBe('done');
    expect(got.length).toBe(30);
  });

  it('does not stop a cycle of two that commits each step, wide enough for what goes round', async () => {
    place = new Place('records=64');
    const got: number[] = [];
    const source = place.add(Source, 'source', sends(30));
    const first = place.add(Join, 'first', {
      async onRunning({ a, b, out }) {
        const values = [...a.retrieve(), ...b.retrieve()];
        got.push(...values.filter(({ n }) => n === 0).map(({ n }) => n));
        await out.send(values.filter(({ n }) => n > 0));
        return got.length === 30;
      },
    }, { delivery, commitInterval: 0 });
    const second = place.add(Relay, 'second', { onRunning: async ({ in: input, out }) => out.send(input.retrieve().map(({ n }) => ({ n: n - 1 }))) }, { delivery, commitInterval: 0 });
    first.a.connect(source.out);
    first.b.connect(second.out);
    second.in.connect(first.out);
    expect((await (await place.start()).completed).outcome).toBe('done');
    expect(got.length).toBe(30);
  });
});

/** How an operator passes on what it reads. */
const manners: Record<string, (size: number) => Role<Relay>> = {
  'in steps': () => ({ onRunning: async ({ in: input, out }) => out.send(input.retrieve(), { key }) }),
  'without awaiting': (size) => ({
    onRunning({ in: input, out }) {
      const values = input.retrieve();
      for (let i = 0; i < values.length; i += size) void out.send(values.slice(i, i + size), { key });
    },
  }),
  'in a loop': () => ({
    async onRunning({ in: input, out }) {
      for await (const batch of input) await out.send(batch, { key });
    },
  }),
  'from a buffer, at its end and before commits': (size) => {
    const held = new WeakMap<Relay, Num[]>();
    return {
      onInit: (relay) => void held.set(relay, []),
      async onRunning(relay) {
        const buffer = held.get(relay)!;
        buffer.push(...relay.in.retrieve());
        if (buffer.length >= size) await relay.out.send(buffer.splice(0), { key });
      },
      onCommit: async (relay) => relay.out.send(held.get(relay)!.splice(0), { key }),
    };
  },
};
const key = ({ n }: Num): string => `${n % 5}`;

const node = fc.record({
  manner: fc.constantFrom(...Object.keys(manners)),
  size: fc.integer({ min: 1, max: 7 }),
  replicas: fc.integer({ min: 1, max: 3 }),
  partitions: fc.integer({ min: 1, max: 4 }),
  broadcast: fc.boolean(),
  /** Which nodes of the layer before it reads; all where that is none. */
  reads: fc.array(fc.boolean(), { minLength: 2, maxLength: 2 }),
  commitInterval: fc.constantFrom(0, 1, 100),
});
type Node = typeof node extends fc.Arbitrary<infer N> ? N : never;

const topology = fc.record({
  delivery: fc.constantFrom(...deliveries),
  bound: fc.constantFrom('records=1', 'records=2', 'records=3', 'wire&records=2', 'wire&bytes=40'),
  sources: fc.array(fc.record({ batch: fc.integer({ min: 1, max: 9 }), replicas: fc.integer({ min: 1, max: 2 }) }), { minLength: 1, maxLength: 2 }),
  layers: fc.array(fc.array(node, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 3 }),
  sink: node,
  /** After how many turns of the event loop the run is stopped, and how; then it is started again. */
  stops: fc.array(fc.record({ after: fc.integer({ min: 0, max: 40 }), mode: fc.constantFrom('drain', 'now') }), { maxLength: 3 }),
});

interface Flow {
  readonly out: OutputRef<Num>;
  /** How often each number comes out. */
  readonly times: number;
}

describe('operators in layers, fanned in and out, with replicas, partitions and broadcast, over channels with next to no room', () => {
  it('bring every record to its end, in the order of its key, over stops and new starts', async () => {
    await fc.assert(fc.asyncProperty(topology, async ({ delivery, bound, sources, layers, sink, stops }) => {
      place = new Place(bound);
      const count = 20;
      let flows: Flow[] = sources.map(({ batch, replicas }, i) => ({ out: place.add(Counter, `source${i}`, countsKeyed(count, batch), { replicas, delivery }).out, times: replicas }));
      const optionsOf = ({ replicas, partitions, broadcast, commitInterval }: Node) => ({ replicas, delivery, commitInterval, ports: { in: { broadcast, partitions: Math.max(partitions, broadcast ? 1 : replicas) } } });
      const readBy = ({ reads }: Node): Flow[] => (flows.some((_, i) => reads[i]) ? flows.filter((_, i) => reads[i]) : flows);
      const timesOf = (node: Node): number => readBy(node).reduce((sum, { times }) => sum + times, 0) * (node.broadcast ? node.replicas : 1);
      for (const [l, layer] of layers.entries()) {
        flows = layer.map((node, i) => {
          const relay = place.add(Relay, `relay${l}x${i}`, manners[node.manner]!(node.size), optionsOf(node));
          relay.in.connect(...readBy(node).map(({ out }) => out));
          return { out: relay.out, times: timesOf(node) };
        });
      }
      const got: number[] = [];
      place.add(Sink, 'sink', collects(got), optionsOf(sink)).in.connect(...readBy(sink).map(({ out }) => out));
      let run = await place.start();
      for (const { after, mode } of stops) {
        await turns(after);
        if ((await run.stop({ mode })).outcome === 'done') break;
        run = await place.start();
      }
      expect((await run.completed).outcome).toBe('done');
      expect(sorted(got)).toEqual(range(count).flatMap((n) => Array.from({ length: timesOf(sink) }, () => n)));
      // Where each number comes once it came one way, so those of one key have kept their order.
      if (timesOf(sink) === 1) for (let k = 0; k < 5; k++) expect(got.filter((n) => n % 5 === k)).toEqual(range(count).filter((n) => n % 5 === k));
      await place.clear();
    }), { numRuns: 150, timeout: 8_000 });
  }, 60_000);
});

function countsKeyed(count: number, batch: number): Role<Counter> {
  return {
    async onRunning({ out, progress }) {
      const from = progress.next;
      progress.next = Math.min(count, from + batch);
      await out.send(nums(from, progress.next), { key });
      return progress.next === count;
    },
  };
}
