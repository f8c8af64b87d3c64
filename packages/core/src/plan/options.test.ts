/** Options of operators, ports and backends. Each problem with its exact text. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { avro, type RecordOf } from '../codec/index.js';
import { formatProblem } from '../error/index.js';
import { memoryBackend } from '../memory/index.js';
import { input, operator, Operator, output } from '../operator/index.js';
import { Pipeline, type PipelineDefaults } from '../pipeline/index.js';
import { InputPort, OutputPort } from '../port/index.js';
import type { PlanOptions } from './index.js';

const Order = avro(z.object({ id: z.string() }).meta({ id: 'Order' }));
type Order = RecordOf<typeof Order>;

@operator()
class Source extends Operator {
  @output(Order) declare readonly orders: OutputPort<Order>;
  override onRunning(): boolean {
    return true;
  }
}
@operator()
class Relay extends Operator {
  @input(Order) declare readonly orders: InputPort<Order>;
  @output(Order) declare readonly bills: OutputPort<Order>;
  override onRunning(): void {}
}

/** The problems of a pipeline as lines of text. */
function problemsOf(pipeline: Pipeline, options: Partial<PlanOptions> = {}): readonly string[] {
  return pipeline.plan({ location: 'memory:', backends: [memoryBackend], ...options }).problems.map(formatProblem);
}

/** A source and a relay, the relay with what untyped code may pass. */
function relayWith(options: unknown): Pipeline {
  const pipeline = new Pipeline('p');
  const source = pipeline.add(Source, {}, { name: 'source' });
  pipeline.add(Relay, {}, { name: 'relay', ...(options as object) }).orders.connect(source.orders);
  return pipeline;
}

describe('options', () => {
  it('are held against their ranges', () => {
    expect(problemsOf(relayWith({ replicas: 0, placement: 'cloud', tick: 0, idle: -1, delivery: 'at-most-once', commitInterval: NaN, maxStepBytes: 1.5, stepTimeout: 3e9 }))).toMatchInlineSnapshot(`
      [
        "p.relay.replicas: replicas is 0, not a whole number from 1 to 10,000; correct it, or leave it out for 1 [MILLRACE_OPTION_INVALID]",
        "p.relay.placement: placement is "cloud", not 'inline', 'thread', 'process' or one of them as kind with count, memory (MiB, at least 16) and killAfter (ms); correct it, or leave it out for "inline" [MILLRACE_OPTION_INVALID]",
        "p.relay.tick: tick is 0, not a number of ms from 1 to 2,147,483,647; correct it, or leave it out [MILLRACE_OPTION_INVALID]",
        "p.relay.idle: idle is -1, not a number of ms from 1 to 2,147,483,647; correct it, or leave it out for 1000 [MILLRACE_OPTION_INVALID]",
        "p.relay.delivery: delivery is "at-most-once", not 'at-least-once' or 'exactly-once'; correct it, or leave it out for "at-least-once" [MILLRACE_OPTION_INVALID]",
        "p.relay.commitInterval: commitInterval is NaN, not a number of ms from 0 to 2,147,483,647; correct it, or leave it out for 100 [MILLRACE_OPTION_INVALID]",
        "p.relay.maxStepBytes: maxStepBytes is 1.5, not a whole number from 1 to 9,007,199,254,740,991; correct it, or leave it out [MILLRACE_OPTION_INVALID]",
        "p.relay.stepTimeout: stepTimeout is 3000000000, not a number of ms from 0 to 2,147,483,647; correct it, or leave it out for 30000 [MILLRACE_OPTION_INVALID]",
      ]
    `);
    expect(problemsOf(relayWith({ ports: { orders: { partitions: 1e9, broadcast: 'yes', onError: 'ignore', retries: -1, backoff: '1s', onWriterDeath: null, openTimeout: Infinity, syncOpen: 1, sequential: 0 }, bills: { partitioner: 'random', validate: true } } }))).toMatchInlineSnapshot(`
      [
        "p.relay.orders.partitions: partitions is 1000000000, not a whole number from 1 to 100,000; correct it, or leave it out [MILLRACE_OPTION_INVALID]",
        "p.relay.orders.broadcast: broadcast is "yes", not true or false; correct it, or leave it out for false [MILLRACE_OPTION_INVALID]",
        "p.relay.orders.onError: onError is "ignore", not 'fail', 'skip' or 'deadLetter'; correct it, or leave it out for "fail" [MILLRACE_OPTION_INVALID]",
        "p.relay.orders.retries: retries is -1, not a whole number from 0 to 9,007,199,254,740,991; correct it, or leave it out for 0 [MILLRACE_OPTION_INVALID]",
        "p.relay.orders.backoff: backoff is "1s", not a number of ms from 0 to 2,147,483,647; correct it, or leave it out for 100 [MILLRACE_OPTION_INVALID]",
        "p.relay.orders.onWriterDeath: onWriterDeath is null, not 'wait', 'fail' or 'finish'; correct it, or leave it out for "wait" [MILLRACE_OPTION_INVALID]",
        "p.relay.orders.openTimeout: openTimeout is Infinity, not a number of ms from 0 to 2,147,483,647; correct it, or leave it out for 0 [MILLRACE_OPTION_INVALID]",
        "p.relay.orders.syncOpen: syncOpen is 1, not true or false; correct it, or leave it out for false [MILLRACE_OPTION_INVALID]",
        "p.relay.orders.sequential: sequential is 0, not true or false; correct it, or leave it out for false [MILLRACE_OPTION_INVALID]",
        "p.relay.bills.partitioner: partitioner is "random", not 'sticky' or 'round-robin'; correct it, or leave it out for "sticky" [MILLRACE_OPTION_INVALID]",
        "p.relay.bills.validate: validate is true, not 'structure', 'full' or false; correct it, or leave it out for "structure" [MILLRACE_OPTION_INVALID]",
      ]
    `);
  });

  it('that are undefined count as not given', () => {
    expect(problemsOf(relayWith({ replicas: undefined, tick: undefined, ports: { orders: { retries: undefined }, bills: undefined } }))).toEqual([]);
  });

  it('that are unknown are named with the nearest known one', () => {
    expect(problemsOf(relayWith({ replica: 2, tik: 5, colour: 'red', ports: { orders: { partition: 2 }, bills: { validation: false }, order: {}, invoices: {} } }))).toMatchInlineSnapshot(`
      [
        "p.relay.replica: there is no option replica; did you mean replicas? [MILLRACE_OPTION_INVALID]",
        "p.relay.tik: there is no option tik; did you mean tick? [MILLRACE_OPTION_INVALID]",
        "p.relay.colour: there is no option colour; the options are replicas, placement, restart, tick, idle, delivery, commitInterval, maxStepBytes, stepTimeout, name, ports [MILLRACE_OPTION_INVALID]",
        "p.relay.ports.order: options are given for a port that the operator does not have; did you mean orders? [MILLRACE_PORT_UNKNOWN]",
        "p.relay.ports.invoices: options are given for a port that the operator does not have; the ports are orders, bills [MILLRACE_PORT_UNKNOWN]",
        "p.relay.orders.partition: there is no option partition; did you mean partitions? [MILLRACE_OPTION_INVALID]",
        "p.relay.bills.validation: there is no option validation; did you mean validate? [MILLRACE_OPTION_INVALID]",
      ]
    `);
  });

  it('of an input are not those of an output', () => {
    expect(problemsOf(relayWith({ ports: { orders: { partitioner: 'sticky' }, bills: { onError: 'skip' } } }))).toMatchInlineSnapshot(`
      [
        "p.relay.orders.partitioner: partitioner is an option of output ports, and this is an input port; remove it; the options of input ports are partitions, broadcast, onError, retries, backoff, onWriterDeath, openTimeout, syncOpen, sequential, backend [MILLRACE_OPTION_INVALID]",
        "p.relay.bills.onError: onError is an option of input ports, and this is an output port; remove it; the options of output ports are partitioner, validate, openTimeout, backend [MILLRACE_OPTION_INVALID]",
      ]
    `);
  });

  it('of the wrong kind altogether are refused', () => {
    expect(problemsOf(relayWith({ ports: 'orders' }))).toMatchInlineSnapshot(`
      [
        "p.relay.ports: options are "orders", not an object; give an object of options [MILLRACE_OPTION_INVALID]",
      ]
    `);
    expect(problemsOf(relayWith({ ports: { orders: 3 } }))).toMatchInlineSnapshot(`
      [
        "p.relay.orders: options are 3, not an object; give an object of options [MILLRACE_OPTION_INVALID]",
      ]
    `);
  });

  it('must not give fewer partitions than replicas', () => {
    expect(problemsOf(relayWith({ replicas: 3, ports: { orders: { partitions: 2 } } }))).toMatchInlineSnapshot(`
      [
        "p.relay.orders.partitions: 2 partitions cannot be shared by 3 replicas, some of which would have nothing to read; give at least 3, or leave it out [MILLRACE_OPTION_INVALID]",
      ]
    `);
    expect(problemsOf(relayWith({ replicas: 3 }), { defaults: { ports: { partitions: 2 } } })).toEqual([]);
  });

  it('in defaults are checked too', () => {
    const defaults = { replicas: 1.5, name: 'x', ports: { retrys: 1, validate: 'none' } } as unknown as PipelineDefaults;
    expect(problemsOf(relayWith({}), { defaults })).toMatchInlineSnapshot(`
      [
        "defaults.ports.retrys: there is no option retrys; did you mean retries? [MILLRACE_OPTION_INVALID]",
        "defaults.replicas: replicas is 1.5, not a whole number from 1 to 10,000; correct it, or leave it out for 1 [MILLRACE_OPTION_INVALID]",
        "defaults.name: there is no option name; the options are replicas, placement, restart, tick, idle, delivery, commitInterval, maxStepBytes, stepTimeout, ports [MILLRACE_OPTION_INVALID]",
        "defaults.ports.validate: validate is "none", not 'structure', 'full' or false; correct it, or leave it out for "structure" [MILLRACE_OPTION_INVALID]",
      ]
    `);
  });

  it('of a backend are parsed by it', () => {
    const tuned = { ...memoryBackend, options: z.strictObject({ linger: z.int().default(5) }) };
    expect(problemsOf(relayWith({ ports: { orders: { backend: { linger: 1 } } } }))).toMatchInlineSnapshot(`
      [
        "p.relay.orders.backend: the backend of memory has no options of its own; leave backend out [MILLRACE_OPTION_INVALID]",
      ]
    `);
    expect(problemsOf(relayWith({ ports: { orders: { backend: { linger: 'x' } }, bills: { backend: { ligner: 1 } } } }), { backends: [tuned] })).toMatchInlineSnapshot(`
      [
        "p.relay.orders.backend: the backend of memory refuses its options: linger: Invalid input: expected number, received string; correct them [MILLRACE_OPTION_INVALID]",
        "p.relay.bills.backend: the backend of memory refuses its options: Unrecognized key: "ligner"; correct them [MILLRACE_OPTION_INVALID]",
      ]
    `);
    const plan = relayWith({ ports: { bills: { backend: {} } } }).plan({ location: 'memory:', backends: [{ ...tuned, check: () => [] }], defaults: { ports: { backend: { linger: 2 } } } });
    expect(plan.problems).toEqual([]);
    const shared = { ...tuned, portOptions: z.strictObject({}), check: () => [] };
    expect(problemsOf(relayWith({ ports: { orders: { backend: { linger: 1 } } } }), { backends: [shared], defaults: { ports: { backend: { linger: 2 } } } })).toEqual([expect.stringMatching(/^p\.relay\.orders\.backend: .* Unrecognized key: "linger"/)]);
    expect(plan.operators.map(({ inputs, outputs }) => [inputs.map(({ backend, channel }) => [backend, channel.backend]), outputs.map(({ backend }) => backend)])).toEqual([
      [[], [{ linger: 2 }]],
      [[[{ linger: 2 }, { linger: 2 }]], [{ linger: 5 }]],
    ]);
  });
});
