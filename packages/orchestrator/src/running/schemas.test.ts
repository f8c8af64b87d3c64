import { avro, input, InputPort, Operator, operator, output, OutputPort, type OutgoingBatch, type RecordOf, type WriterSchema } from '@millrace/core';
import { SettableClock } from '@millrace/testing';
import { ContainerModule, inject } from 'inversify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Place, Sink, Source, turns, type Role } from './fixtures.js';

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => place.clear());

const Wide = avro(z.object({ id: z.string(), amount: z.int(), note: z.string() }).meta({ id: 'Entry' }));
type Wide = RecordOf<typeof Wide>;
const Narrow = avro(z.object({ amount: z.int(), currency: z.string().default('EUR') }).meta({ id: 'Entry' }));
type Narrow = RecordOf<typeof Narrow>;

class Seen {
  readonly values: unknown[] = [];
}

@operator(import.meta)
class Writes extends Operator {
  @output(Wide) declare readonly entries: OutputPort<Wide>;
  override async onRunning() {
    await this.entries.send([{ id: 'a', amount: 1, note: 'x' }, { id: 'b', amount: 2, note: 'y' }], { key: ({ id }) => id });
    return true;
  }
}

@operator(import.meta)
class Reads extends Operator {
  @input(Narrow) declare readonly entries: InputPort<Narrow>;
  constructor(@inject(Seen) private readonly seen: Seen) {
    super();
  }
  override onRunning() {
    this.seen.values.push(...this.entries.retrieve());
  }
}

describe('two ends of a channel with different schemas', () => {
  it.each(['', 'wire'])('understand each other: the reader sees its own, memory:?%s', async (query) => {
    place = new Place(query);
    const seen = new Seen();
    const writer = place.pipeline.add(Writes, {}, { name: 'writer' });
    const reader = place.pipeline.add(Reads, {}, { name: 'reader' });
    reader.entries.connect(writer.entries as never);
    await (await place.start({ services: new ContainerModule(({ bind }) => void bind(Seen).toConstantValue(seen)) })).completed;
    expect(seen.values).toEqual([{ amount: 1, currency: 'EUR' }, { amount: 2, currency: 'EUR' }]);
  });
});

/** Records of a schema that the pipeline does not know, put into the sink's channel by somebody else. */
async function put(codec: WriterSchema, bytes: Uint8Array, publish: boolean): Promise<() => Promise<void>> {
  const batch: OutgoingBatch = { partition: 0, count: 1, bytes, bounds: Uint32Array.of(0, bytes.length), schema: codec.fingerprint, timestamp: 1 };
  const announce = () => place.look((transport) => transport.control('p').put(`schema/${codec.fingerprint}`, Buffer.from(JSON.stringify({ v: 1, format: codec.format, schema: codec.schema }))));
  if (publish) await announce();
  await place.look(async (transport) => {
    const session = await transport.open({ id: 'stranger', delivery: 'at-least-once', wake() {} });
    void (await session.writer('p.sink.in')).writeRecords(batch);
    await session.commit(new Map());
  });
  return announce;
}

const Longer = avro(z.object({ more: z.string(), n: z.int() }).meta({ id: 'Num' }));
const Other = avro(z.object({ n: z.string() }).meta({ id: 'Num' }));
/** Of {@link Longer}: more is 'a', n is 7. */
const LONGER = Uint8Array.of(2, 97, 14);

const reads: Record<string, (into: number[]) => Role<Sink>> = {
  retrieve: (into) => ({ onRunning: ({ in: input }) => void into.push(...input.retrieve().map(({ n }) => n)) }),
  'a loop': (into) => ({
    async onRunning({ in: input }) {
      for await (const batch of input) into.push(...batch.map(({ n }) => n));
    },
  }),
};

describe.each(Object.entries(reads))('a record of a schema that the pipeline does not know, read with %s', (_, role) => {
  /** A run whose source sends a number, and goes on until the sink has another one. */
  const begin = async (clock?: SettableClock) => {
    const got: number[] = [];
    let sent = false;
    place = new Place('wire');
    const source = place.add(Source, 'source', {
      onRunning({ out }) {
        if (!sent) void out.send([{ n: 1 }]);
        sent = true;
        return got.length > 1;
      },
    });
    place.add(Sink, 'sink', role(got), { ports: { in: { onError: 'skip', retries: 3 } } }).in.connect(source.out);
    const run = await place.start(clock === undefined ? {} : { clock });
    await place.until(() => got.length === 1);
    await turns();
    return { got, run };
  };

  it('is read as soon as the schema is published', async () => {
    const { got, run } = await begin();
    const publish = await put(Longer, LONGER, false);
    await turns(5);
    expect(got).toEqual([1]);
    await publish();
    await run.completed;
    expect(got).toEqual([1, 7]);
  });

  it('is waited for, but not for ever', async () => {
    const clock = new SettableClock();
    const { run } = await begin(clock);
    await put(Longer, LONGER, false);
    await turns(5);
    await clock.advance(29_000);
    await turns(5);
    expect(run.stages.get('p.sink#0')).toBe('OperationRunning');
    const failed = expect(run.completed).rejects.toMatchObject({ code: 'MILLRACE_SCHEMA_UNKNOWN', operator: 'p.sink#0', port: 'in', channel: 'p.sink.in', partition: 0, offset: 1, message: expect.stringContaining(Longer.fingerprint) as string });
    for (let i = 0; i < 1_100; i++) {
      await clock.advance(1);
      await turns(1);
    }
    await failed;
    expect(await place.committed('p.sink.in')).toEqual({ 0: 1 });
  });

  it('that does not fit ends the run with the difference, whatever the policy of the port: nothing is skipped', async () => {
    const { run } = await begin();
    await put(Other, Uint8Array.of(2, 97), true);
    await expect(run.completed).rejects.toMatchObject({ code: 'MILLRACE_SCHEMA_INCOMPATIBLE', message: expect.stringContaining('n') as string });
    expect(await place.committed('p.sink.in')).toEqual({ 0: 1 });
  });
});

it('a record by reference that was made for another schema is refused: it has not the shape that the reader was promised', async () => {
  const source = place.add(Source, 'source', { onRunning: () => undefined });
  place.add(Sink, 'sink', { onRunning: ({ in: input }) => void input.retrieve() }, { ports: { in: { onError: 'skip' } } }).in.connect(source.out);
  const run = await place.start();
  await place.look(async (transport) => {
    const session = await transport.open({ id: 'stranger', delivery: 'at-least-once', wake() {} });
    void (await session.writer('p.sink.in')).writeRecords({ partition: 0, count: 1, objects: [{ n: 'a' }], bytes: new Uint8Array(0), bounds: new Uint32Array(0), schema: Other.fingerprint, timestamp: 1 });
    await session.commit(new Map());
  });
  await expect(run.completed).rejects.toMatchObject({ code: 'MILLRACE_SCHEMA_INCOMPATIBLE', operator: 'p.sink#0', port: 'in', message: expect.stringContaining(Other.fingerprint) as string });
});
