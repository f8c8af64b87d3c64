import { avro, input, InputPort, lazy, operator, output, OutputPort, type LazyRecord, type RecordOf } from '@millrace/core';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Run } from '../index.js';
import { Actor, metricsOf, Place } from './fixtures.js';

const Order = avro(z.object({ id: z.string(), count: z.int32(), tags: z.array(z.boolean()) }).meta({ id: 'Order' }));
type Order = RecordOf<typeof Order>;
const LazyOrder = lazy(Order);

@operator(import.meta)
class Source extends Actor {
  @output(Order) declare readonly orders: OutputPort<Order>;
}

@operator(import.meta)
class LazySource extends Actor {
  @output(LazyOrder) declare readonly orders: OutputPort<LazyRecord<Order>>;
}

@operator(import.meta)
class Relay extends Actor {
  @input(LazyOrder) declare readonly in: InputPort<LazyRecord<Order>>;
  @output(LazyOrder) declare readonly out: OutputPort<LazyRecord<Order>>;
}

@operator(import.meta)
class Sink extends Actor {
  @input(Order) declare readonly in: InputPort<Order>;
}

@operator(import.meta)
class LazySink extends Actor {
  @input(LazyOrder) declare readonly in: InputPort<LazyRecord<Order>>;
}

const ORDERS: readonly Order[] = [{ id: 'a', count: 1, tags: [true] }, { id: 'b', count: 2, tags: [] }, { id: 'c', count: 3, tags: [false] }];

let place: Place;
afterEach(() => place.clear());

describe('lazy records', () => {
  it.each(['', 'wire'])('come from ports of whole ones and go to such, memory:?%s', async (query) => {
    place = new Place(query);
    const seen: Order[] = [];
    const source = place.add(Source, 'source', { onRunning: async ({ orders }) => (await orders.send(ORDERS), true) });
    const relay = place.add(Relay, 'relay', { onRunning: ({ in: from, out }) => out.send(from.retrieve().map((order) => order.with({ count: order.get('count') * 10 }))) as unknown as Promise<undefined> });
    const sink = place.add(Sink, 'sink', { onRunning: ({ in: from }) => void seen.push(...from.retrieve()) });
    relay.in.connect(source.orders);
    sink.in.connect(relay.out);
    await (await place.start()).completed;
    expect(seen).toEqual(ORDERS.map((order) => ({ ...order, count: order.count * 10 })));
  });

  it.each([['', true], ['wire', false]] as const)('go by reference where both ends have one codec, memory:?%s %s', async (query, same) => {
    place = new Place(query);
    const records = ORDERS.map((order) => LazyOrder.of(order));
    const seen: LazyRecord<Order>[] = [];
    const source = place.add(LazySource, 'source', { onRunning: async ({ orders }) => (await orders.send(records, { key: (order) => order.get('id') }), true) });
    const sink = place.add(LazySink, 'sink', { onRunning: ({ in: from }) => void seen.push(...from.retrieve()) });
    sink.in.connect(source.orders);
    await (await place.start()).completed;
    expect(seen.map((record, i) => record === records[i])).toEqual([same, same, same]);
    expect(seen.map((record) => record.toObject())).toEqual(ORDERS);
  });

  describe('that are damaged within', () => {
    // The flag of the second is neither true nor false, and the third is cut off.
    const DAMAGED = [[2, 97, 2, 2, 0, 0], [2, 98, 4, 2, 9, 0], [2, 99, 6, 2], [2, 100, 8, 2, 1, 0]];

    /** A run whose sink asks for the flags of some records, which somebody else has put into its channel. */
    async function read(records: readonly number[][], onError: 'skip' | 'fail'): Promise<{ readonly run: Run; readonly seen: ReadonlySet<string> }> {
      place = new Place('wire');
      const seen = new Set<string>();
      const source = place.add(Source, 'source', { onRunning: () => seen.has('d true') });
      const sink = place.add(LazySink, 'sink', {
        onRunning({ in: from }) {
          for (const order of from.retrieve()) seen.add(`${order.get('id')} ${String(order.get('tags')[0])}`);
        },
      }, { ports: { in: { onError } } });
      sink.in.connect(source.orders);
      const run = await place.start();
      let end = 0;
      const bounds = Uint32Array.from(records.flatMap(({ length }) => [end, (end += length)]));
      await place.look(async (transport) => {
        const session = await transport.open({ id: 'stranger', delivery: 'at-least-once', wake() {} });
        void (await session.writer('p.sink.in')).writeRecords({ partition: 0, count: records.length, bytes: Uint8Array.from(records.flat()), bounds, schema: Order.fingerprint, timestamp: 1 });
        await session.commit(new Map());
      });
      return { run, seen };
    }

    it('are given up as the policy says', async () => {
      const { run, seen } = await read(DAMAGED, 'skip');
      await run.completed;
      expect([...seen]).toEqual(['a false', 'd true']);
      expect((await metricsOf(run, 'sink'))?.ports[0]).toMatchObject({ skipped: 2 });
    });

    it('fail the run with their place', async () => {
      const { run } = await read([DAMAGED[1]!], 'fail');
      await expect(run.completed).rejects.toMatchObject({
        code: 'MILLRACE_STEP_FAILED', operator: 'p.sink#0', port: 'in', partition: 0, offset: 0,
        message: 'MILLRACE_STEP_FAILED: p.sink#0.onRunning failed at in, partition 0, offset 0: MILLRACE_FIELD_UNDECODABLE: Order.tags cannot be decoded: a boolean is 9 (at byte 2 of 3)',
      });
    });
  });

  it('of another codec are refused when they are sent', async () => {
    place = new Place();
    const Twin = avro(z.object({ id: z.string(), count: z.int32(), tags: z.array(z.boolean()) }).meta({ id: 'Order' }));
    const source = place.add(LazySource, 'source', { onRunning: async ({ orders }) => (await orders.send([lazy(Twin).of(ORDERS[0]!)]), true) });
    const sink = place.add(LazySink, 'sink', { onRunning: () => undefined });
    sink.in.connect(source.orders);
    await expect((await place.start()).completed).rejects.toThrow(/MILLRACE_VALUE_INVALID.*source#0 sent a value to orders \(number 1 of 1\) that breaks its schema Order: the value must be a lazy record of this codec/);
  });
});
