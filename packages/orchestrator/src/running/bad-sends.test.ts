import { avro, Operator, operator, output, OutputPort, type RecordOf } from '@millrace/core';
import { SettableClock } from '@millrace/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { collects, gate, nums, Place, range, Relay, sends, Sink, Source, turns, type Role } from './fixtures.js';

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => place.clear());

/** Sends in one step, then is done. */
function once(send: (source: Source) => unknown): Role<Source> {
  return {
    async onRunning(source) {
      await send(source);
      return true;
    },
  };
}

describe('a value that breaks its schema', () => {
  const Order = avro(z.object({ id: z.string(), lines: z.array(z.object({ amount: z.int() }).meta({ id: 'Line' })).refine((lines) => lines.length > 0, 'no lines') }).meta({ id: 'com.acme.Order' }));
  type Order = RecordOf<typeof Order>;
  let send: (orders: OutputPort<Order>) => Promise<void>;
  @operator(import.meta)
  class Orders extends Operator {
    @output(Order) declare readonly orders: OutputPort<Order>;
    override async onRunning() {
      await send(this.orders);
      return true;
    }
  }
  const good: Order = { id: 'a', lines: [{ amount: 1 }] };

  it('is named with operator, port, number, path and the value, shortened; nothing of its batch is sent', async () => {
    const bad = { id: 'b', lines: [{ amount: 1 }, { amount: 'x'.repeat(500) as unknown as number }] };
    place.pipeline.add(Orders, {}, { name: 'orders' });
    let error: Error | undefined;
    send = async (orders) => {
      await orders.send([good, bad, good]).catch((thrown: unknown) => (error = thrown as Error));
    };
    const run = await place.start();
    await run.completed;
    expect(error).toMatchObject({ code: 'MILLRACE_VALUE_INVALID', operator: 'p.orders#0', port: 'orders' });
    expect(error?.message).toMatch(/^MILLRACE_VALUE_INVALID: p\.orders#0 sent a value to orders \(number 2 of 3\) that breaks its schema com\.acme\.Order: lines\[1\]\.amount must be .*, not .*xxx/);
    expect(error?.message.length).toBeLessThan(400);
    expect((await run.metrics()).replicas[0]?.ports[0]).toMatchObject({ records: 0, batches: 0 });
  });

  it('fails the step where it is not caught', async () => {
    place.pipeline.add(Orders, {}, { name: 'orders' });
    send = (orders) => orders.send([undefined as unknown as Order]);
    await expect((await place.start()).completed).rejects.toMatchObject({ code: 'MILLRACE_VALUE_INVALID' });
  });

  it('in a refinement is found by the full check only', async () => {
    place.pipeline.add(Orders, {}, { name: 'orders' });
    send = (orders) => orders.send([{ id: 'a', lines: [] }]);
    await (await place.start()).completed;
    await expect((await place.start({ fresh: true, defaults: { ports: { validate: 'full' } } })).completed).rejects.toMatchObject({ code: 'MILLRACE_VALUE_INVALID', message: expect.stringMatching(/p\.orders#0 sent a value to orders \(number 1 of 1\)[^]*no lines/) as string });
  });

  it('is not looked for where the check is off', async () => {
    place.pipeline.add(Orders, {}, { name: 'orders' });
    send = (orders) => orders.send([{ id: 7 } as unknown as Order]);
    expect((await (await place.start({ defaults: { ports: { validate: false } } })).completed).outcome).toBe('done');
  });
});

it('a value that sends while it is encoded is told so, and what is around it arrives', async () => {
  const got: number[] = [];
  let error: unknown;
  const source = place.add(Source, 'source', once(({ out }) => {
    const sending = {
      get n() {
        out.send([{ n: 99 }]).catch((thrown: unknown) => (error = thrown));
        return 1;
      },
    };
    return out.send([{ n: 0 }, sending, { n: 2 }]);
  }));
  place.add(Sink, 'sink', collects(got)).in.connect(source.out);
  await (await place.start({ location: `${place.location}?wire`, defaults: { ports: { validate: false } } })).completed;
  expect(error).toMatchObject({ code: 'MILLRACE_VALUE_INVALID', message: expect.stringContaining('a value that was being encoded sent another one to') as string });
  expect(got).toEqual([0, 1, 2]);
});

describe('a send outside a step', () => {
  /** Sends from a callback, before the first step. */
  const outside = (got: number[], error: (error: unknown) => void): Role<Source> => ({
    onInit: ({ out }) => void setImmediate(() => void out.send([{ n: 7 }]).catch(error)),
    onRunning: () => got.length > 0,
  });

  it('is refused under exactly-once, with advice', async () => {
    const got: number[] = [];
    let error: Error | undefined;
    const source = place.add(Source, 'source', outside(got, (thrown) => {
      error = thrown as Error;
      got.push(-1);
    }), { delivery: 'exactly-once' });
    place.add(Sink, 'sink', collects(got)).in.connect(source.out);
    await (await place.start()).completed;
    expect(got).toEqual([-1]);
    expect(error).toMatchObject({ code: 'MILLRACE_SEND_OUTSIDE_STEP', operator: 'p.source#0', port: 'out', message: expect.stringContaining('this.wake()') as string });
  });

  it('that is refused and not awaited ends the run', async () => {
    const source = place.add(Source, 'source', { onInit: ({ out }) => void setImmediate(() => void out.send([{ n: 7 }])), onRunning: () => undefined }, { delivery: 'exactly-once' });
    place.add(Sink, 'sink', collects([])).in.connect(source.out);
    await expect((await place.start()).completed).rejects.toMatchObject({ code: 'MILLRACE_SEND_OUTSIDE_STEP' });
  });

  it('is sent and committed under at-least-once', async () => {
    const got: number[] = [];
    const source = place.add(Source, 'source', outside(got, () => undefined));
    place.add(Sink, 'sink', collects(got)).in.connect(source.out);
    expect((await (await place.start()).completed).outcome).toBe('done');
    expect(got).toEqual([7]);
  });

  it('is committed although the operator sleeps', async () => {
    const clock = new SettableClock();
    const got: number[] = [];
    let relay: Relay | undefined;
    const quiet = gate();
    const source = place.add(Source, 'source', { onRunning: async () => (await quiet.opened, true) });
    const middle = place.add(Relay, 'relay', { onInit: (self) => void (relay = self), onRunning: ({ in: input }) => void input.retrieve() });
    middle.in.connect(source.out);
    place.add(Sink, 'sink', collects(got)).in.connect(middle.out);
    const run = await place.start({ clock });
    await place.until(() => [...run.stages.values()].every((stage) => stage === 'OperationRunning'));
    await turns();
    await relay?.out.send([{ n: 1 }]);
    await place.until(() => got.length === 1);
    const commits = async () => (await run.metrics()).replicas.find(({ operator }) => operator === 'relay')?.commits;
    await turns();
    expect(await commits()).toBe(1);
    quiet.open();
    await run.completed;
  });

  it('after the replica has closed is an error', async () => {
    let source: Source | undefined;
    place.add(Source, 'source', { onInit: (self) => void (source = self), onRunning: () => true });
    await (await place.start()).completed;
    await expect(source?.out.send([{ n: 1 }])).rejects.toThrow(/MILLRACE_PORT_CLOSED: p\.source#0 sent to out after it was closed/);
  });
});

describe('more than there may be', () => {
  it.each(['at-least-once', 'exactly-once'] as const)('in one step is refused, and the step fails, %s', async (delivery) => {
    const got: number[] = [];
    place = new Place('records=10');
    const source = place.add(Source, 'source', {
      onRunning({ out }) {
        for (let i = 0; i < 100; i++) void out.send(nums(10 * i, 10 * i + 10));
        return true;
      },
    }, { delivery, maxStepBytes: 50 });
    place.add(Sink, 'sink', collects(got)).in.connect(source.out);
    await expect((await place.start()).completed).rejects.toMatchObject({ code: 'MILLRACE_STEP_TOO_LARGE', message: expect.stringContaining('maxStepBytes') as string });
    if (delivery === 'exactly-once') expect(got).toEqual([]);
  });

  it('in one record is refused', async () => {
    place = new Place('wire&bytes=3');
    const source = place.add(Source, 'source', once(({ out }) => out.send([{ n: 1 }, { n: 1_000_000_000 }])));
    place.add(Sink, 'sink', collects([])).in.connect(source.out);
    await expect((await place.start()).completed).rejects.toMatchObject({ code: 'MILLRACE_RECORD_TOO_LARGE', message: expect.stringMatching(/a record of 5 bytes exceeds the bound of its channel, 3 bytes/) as string });
  });

  it('can be sent in steps of their own', async () => {
    place = new Place('records=10');
    const got: number[] = [];
    const source = place.add(Source, 'source', sends(500, 20), { delivery: 'exactly-once', maxStepBytes: 50 });
    place.add(Sink, 'sink', collects(got)).in.connect(source.out);
    await (await place.start()).completed;
    expect(got).toEqual(range(500));
  });
});

