import { avro, bytes, input, InputPort, operator, Operator, output, OutputPort, partitionOf, TOMBSTONE, type Entry, type RecordOf } from '@millrace/core';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { closer } from './fixtures.js';
import { OperatorHarness } from './index.js';

const Order = avro(z.object({ id: z.string(), items: z.array(z.object({ name: z.string() }).meta({ id: 'Item' })).default([]) }).meta({ id: 'Order' }));
type Order = RecordOf<typeof Order>;

const order = (id: string): Order => ({ id, items: [{ name: id }] });
const utf8 = new TextEncoder();

const closing = closer(afterEach);

/** Keeps what it reads, and sends it on with all that goes along. */
@operator()
class Relay extends Operator {
  @input(Order) declare readonly orders: InputPort<Order>;
  @output(Order) declare readonly copies: OutputPort<Order>;
  readonly entries: Entry<Order | null>[] = [];
  override async onRunning() {
    for (const entry of this.orders.retrieveEntries({ tombstones: true })) {
      this.entries.push(entry);
      if (entry.value !== null) await this.copies.send([entry.value], { key: () => entry.key, headers: () => entry.headers, timestamp: () => entry.timestamp });
    }
  }
}

describe('what is pushed', () => {
  it('has key, headers and timestamp, for all or for each', async () => {
    const harness = closing(await OperatorHarness.create(Relay));
    harness.input('orders').push([order('a'), order('b')], { key: ({ id }) => (id === 'a' ? 'A' : null), headers: ({ id }) => ({ id }), timestamp: ({ id }) => id.charCodeAt(0) });
    harness.input('orders').push([order('c')], { key: 'C', headers: [['x', '1'], ['x', utf8.encode('2')]], timestamp: 7 });
    harness.input('orders').push([order('d')], { key: utf8.encode('D') });
    await harness.run();
    const sent = harness.output('copies').takeEntries();
    expect(sent).toEqual([
      { value: order('a'), key: 'A', headers: { id: 'a' }, timestamp: 97, partition: 0, offset: 0 },
      { value: order('b'), key: null, headers: { id: 'b' }, timestamp: 98, partition: 0, offset: 1 },
      { value: order('c'), key: 'C', headers: { x: '2' }, timestamp: 7, partition: 0, offset: 2 },
      { value: order('d'), key: 'D', headers: {}, timestamp: harness.clock.wall(), partition: 0, offset: 3 },
    ]);
    expect(harness.operator.entries[2]?.headers.map(([name, value]) => [name, Buffer.from(value).toString()])).toEqual([['x', '1'], ['x', '2']]);
  });

  it('goes to the partition of its key, or to the one that is named', async () => {
    const harness = closing(await OperatorHarness.create(Relay, { partitions: { orders: 4 } }));
    const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
    harness.input('orders').push(ids.map(order), { key: ({ id }) => id });
    harness.input('orders').push([order('named')], { key: 'a', partition: 3 });
    await harness.run();
    const places = new Map(harness.operator.entries.map(({ value, partition }) => [value?.id, partition]));
    for (const id of ids) expect(places.get(id)).toBe(partitionOf(utf8.encode(id), 4));
    expect(new Set(ids.map((id) => places.get(id))).size).toBeGreaterThan(1);
    expect(places.get('named')).toBe(3);
  });

  it('without a key takes turns over the partitions, push by push', async () => {
    const harness = closing(await OperatorHarness.create(Relay, { partitions: { orders: 2 } }));
    for (const ids of [['a', 'b'], ['c'], ['d']]) harness.input('orders').push(ids.map(order));
    await harness.run();
    const byPartition = [0, 1].map((partition) => harness.operator.entries.filter((entry) => entry.partition === partition).map(({ value }) => value?.id));
    expect(byPartition).toEqual([['a', 'b', 'd'], ['c']]);
  });

  it('reaches every replica of a broadcast input', async () => {
    const harness = closing(await OperatorHarness.create(Relay, { replicas: 3, replica: 2, ports: { orders: { broadcast: true } } }));
    harness.input('orders').push([order('a')]);
    await harness.run();
    expect(harness.output('copies').take()).toEqual([order('a')]);
  });

  it('is copied: the test may go on with its objects', async () => {
    const harness = closing(await OperatorHarness.create(Relay));
    const mine = order('a');
    harness.input('orders').push([mine]);
    mine.items.push({ name: 'later' });
    await harness.run();
    expect(Object.isFrozen(mine)).toBe(false);
    expect(harness.output('copies').take()).toEqual([order('a')]);
  });

  it('must not break the schema', async () => {
    const harness = closing(await OperatorHarness.create(Relay));
    expect(() => harness.input('orders').push([order('a'), { id: 1 } as never])).toThrow(expect.objectContaining({ code: 'MILLRACE_VALUE_INVALID', message: expect.stringContaining('id must be') }));
    await harness.run();
    expect(harness.operator.entries).toEqual([]);
  });

  it('may have no value', async () => {
    const harness = closing(await OperatorHarness.create(Relay));
    harness.input('orders').pushTombstone('gone', { headers: { why: 'test' } });
    await harness.run();
    expect(harness.operator.entries).toMatchObject([{ value: null, key: utf8.encode('gone'), headers: [['why', utf8.encode('test')]] }]);
    expect(Object.values(harness.operator.entries[0] ?? {})).not.toContain(TOMBSTONE);
  });

  it('nothing pushes nothing', async () => {
    const harness = closing(await OperatorHarness.create(Relay));
    harness.input('orders').push([]);
    expect(await harness.run()).toBe(0);
  });
});

describe('what is sent', () => {
  it('shows where its key puts it', async () => {
    const harness = closing(await OperatorHarness.create(Relay, { partitions: { copies: 4 } }));
    const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
    harness.input('orders').push(ids.map(order), { key: ({ id }) => id });
    await harness.run();
    const sent = harness.output('copies').takeEntries();
    expect(sent).toHaveLength(ids.length);
    for (const { value, partition } of sent) expect(partition).toBe(partitionOf(utf8.encode(value.id), 4));
    expect(sent.map(({ partition }) => partition)).toEqual([...sent.map(({ partition }) => partition)].sort());
  });

  it('is what a reader gets out of the wire', async () => {
    @operator()
    class Loose extends Relay {
      override async onRunning() {
        this.orders.retrieve();
        await this.copies.send([Object.assign(new (class Rich {})(), order('a'))]);
      }
    }
    const harness = closing(await OperatorHarness.create(Loose));
    harness.input('orders').push([order('a')]);
    await harness.run();
    const [copy] = harness.output('copies').take();
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
    expect(copy).toEqual(order('a'));
  });

  it('may be other than records of a schema', async () => {
    @operator()
    class Bytes extends Operator {
      @input(bytes()) declare readonly raw: InputPort<Uint8Array>;
      @output(bytes()) declare readonly reversed: OutputPort<Uint8Array>;
      override async onRunning() {
        await this.reversed.send(this.raw.retrieve().map((each) => each.slice().reverse()));
      }
    }
    const harness = closing(await OperatorHarness.create(Bytes));
    harness.input('raw').push([Uint8Array.of(1, 2, 3)]);
    await harness.run();
    expect(harness.output('reversed').take().map((each) => [...each])).toEqual([[3, 2, 1]]);
    expect(harness.commits).toMatchObject([{ outputs: { reversed: [expect.anything()] } }]);
  });
});
