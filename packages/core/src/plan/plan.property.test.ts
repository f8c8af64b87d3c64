/** What holds for every plan, whatever a pipeline is made of. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { avro, bytes, json, type RecordOf } from '../codec/index.js';
import { ERROR_CODES, formatProblem } from '../error/index.js';
import { memoryBackend } from '../memory/index.js';
import { input, operator, Operator, output, plugin, state, type PartitionState, type ParametersOf } from '../operator/index.js';
import { Pipeline } from '../pipeline/index.js';
import { Plugin } from '../plugin/index.js';
import { DeadLetter, InputPort, OutputPort } from '../port/index.js';
import { assignedPartitions, createPlan, groupName, type Plan } from './index.js';

const Order = avro(z.object({ id: z.string() }).meta({ id: 'Order' }));
type Order = RecordOf<typeof Order>;
const Line = json(z.object({ line: z.string() }));

class Pool extends Plugin {
  static override readonly parameters = z.object({ size: z.int().default(1) });
  declare readonly parameters: ParametersOf<typeof Pool>;
}
@operator(import.meta)
class Source extends Operator {
  static override readonly parameters = z.object({ count: z.int().positive(), nested: z.object({ a: z.int() }).optional() });
  declare readonly parameters: ParametersOf<typeof Source>;
  @output(Order) declare readonly orders: OutputPort<Order>;
  @output(Line) declare readonly lines: OutputPort<{ line: string }>;
  @plugin(Pool) declare readonly pool: Pool;
  override onRunning(): void {}
}
@operator(import.meta)
class Relay extends Operator {
  @input(Order, { dependsOn: ['bills'] }) declare readonly orders: InputPort<Order>;
  @input(Line) declare readonly lines: InputPort<{ line: string }>;
  @output(Order) declare readonly bills: OutputPort<Order>;
  @state(z.object({ n: z.int().default(0) }), { per: 'partition' }) declare readonly counts: PartitionState<{ n: number }>;
  override onRunning(): void {}
}
@operator()
class Letters extends Operator {
  @input(DeadLetter) declare readonly letters: InputPort<DeadLetter>;
  @output(bytes()) declare readonly raw: OutputPort<Uint8Array>;
  override onRunning(): void {}
}
const types = [Source, Relay, Letters] as const;

/** Mostly sensible values, and anything. */
const anything = fc.oneof({ weight: 3, arbitrary: fc.constantFrom<unknown>(undefined, true, false, 0, 1, 2, 3, 500) }, { weight: 1, arbitrary: fc.anything({ maxDepth: 2 }) });
const location = fc.oneof(
  fc.constantFrom('memory:', 'memory:?wire', 'memory:s/orders?group=g', 'memory:s/orders?group=g&start=latest&format=json', 'memory:/x?format=confluent', 'kafka://me:pw@b/x', 'nowhere:', '?', '#', '%&=', 'memory:?group=%zz'),
  fc.string(),
);
const name = fc.oneof(fc.constantFrom('a', 'b', 'c', 'a-1', '_x'), fc.string({ maxLength: 5 }), fc.constant(undefined));
const portOptions = fc.dictionary(fc.constantFrom('partitions', 'broadcast', 'onError', 'retries', 'sequential', 'syncOpen', 'partitioner', 'validate', 'backend', 'colour'), fc.oneof(anything, fc.constantFrom('deadLetter', 'skip', 'full', 'round-robin')));
const options = fc.record({
  replicas: anything, placement: fc.constantFrom('inline', 'thread', 'process', 'cloud', undefined), delivery: fc.constantFrom('exactly-once', 'at-least-once', undefined), tick: anything,
  ports: fc.oneof(fc.dictionary(fc.constantFrom('orders', 'lines', 'bills', 'letters', 'raw', 'nothing', '__proto__'), fc.oneof(portOptions, anything)), anything),
}, { requiredKeys: [] });
const recipe = fc.record({
  pipeline: fc.oneof(fc.constant('p'), fc.string({ maxLength: 4 })),
  nodes: fc.array(fc.record({ type: fc.nat(2), name, parameters: fc.oneof(fc.constant({ count: 1 }), anything), options }), { maxLength: 6 }),
  connections: fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 15 }),
  bindings: fc.array(fc.tuple(fc.nat(), location), { maxLength: 4 }),
  foreign: fc.boolean(),
  plan: fc.record({ location, defaults: fc.oneof(fc.record({ replicas: anything, ports: portOptions }, { requiredKeys: [] }), anything), only: fc.option(fc.array(fc.constantFrom('a', 'b#0', 'c#9', '', '#')), { nil: undefined }), runId: fc.option(fc.string(), { nil: undefined }) }),
});
type Recipe = typeof recipe extends fc.Arbitrary<infer R> ? R : never;

interface AnyRef {
  connect(...outputs: readonly unknown[]): void;
  from(location: string): void;
  to(location: string): void;
  readonly deadLetters: AnyRef;
}

function build({ pipeline: called, nodes, connections, bindings, foreign, plan }: Recipe): Plan {
  const pipeline = new Pipeline(called);
  const inputs: AnyRef[] = [];
  const outputs: AnyRef[] = [];
  const collect = (refs: object): void => {
    for (const ref of Object.values(refs) as AnyRef[]) {
      if ('from' in ref) {
        inputs.push(ref);
        outputs.push(ref.deadLetters);
      } else {
        outputs.push(ref);
      }
    }
  };
  for (const node of nodes) collect(pipeline.add(types[node.type]!, node.parameters as never, { name: node.name, ...node.options } as never));
  if (foreign) collect(new Pipeline('other').add(Source, { count: 1 }));
  for (const [to, from] of connections) if (inputs.length > 0 && outputs.length > 0) inputs[to % inputs.length]!.connect(outputs[from % outputs.length]);
  for (const [at, location] of bindings) {
    if (inputs.length > 0 && at % 2 === 0) inputs[at % inputs.length]!.from(location);
    else if (outputs.length > 0) outputs[at % outputs.length]!.to(location);
  }
  return createPlan(pipeline.definition(), { ...plan, backends: [memoryBackend] } as never);
}

describe('any pipeline', () => {
  it('gives a plan that prints, whose problems have a code, a place and a way out', () => {
    fc.assert(fc.property(recipe, (made) => {
      const plan = build(made);
      plan.toText();
      plan.toMermaid();
      expect(JSON.parse(JSON.stringify(plan))).toStrictEqual(plan.toJSON());
      for (const problem of plan.problems) {
        expect(problem.code in ERROR_CODES).toBe(true);
        for (const part of [problem.where, problem.what, problem.remedy]) expect(part).not.toBe('');
        expect(formatProblem(problem)).not.toMatch(/undefined\.|\[object Object\]/);
      }
    }), { numRuns: 150 });
  });

  it('gives the same plan twice', () => {
    fc.assert(fc.property(recipe, (made) => {
      expect(build(made).toText()).toBe(build(made).toText());
    }), { numRuns: 50 });
  });

  it('gives a plan whose parts agree with each other', () => {
    fc.assert(fc.property(recipe, (made) => {
      const plan = build(made);
      for (const operator of plan.operators) {
        for (const { channel, name: port, broadcast } of operator.inputs) {
          expect(plan.channels).toContain(channel);
          expect(channel.reader).toMatchObject({ operator: operator.name, port, replicas: operator.replicas, broadcast });
          if (channel.external !== undefined) continue;
          expect(channel.partitions).toBeGreaterThanOrEqual(broadcast ? 1 : operator.replicas);
          expect(channel.groups).toHaveLength(broadcast ? operator.replicas : 1);
        }
        for (const output of operator.outputs) {
          for (const channel of output.channels) {
            expect(plan.channels).toContain(channel);
            expect(channel.writers.map((writer) => `${writer.operator}.${writer.port}`)).toContain(`${operator.name}.${output.name}`);
          }
        }
        const levels = operator.levels.flat();
        expect(levels.toSorted()).toEqual([...operator.inputs, ...operator.outputs, ...operator.plugins].map((member) => member.name).toSorted());
      }
      if (plan.problems.every(({ severity }) => severity === 'warning')) expect(new Set(plan.channels.filter(({ external }) => external === undefined).map((channel) => channel.name)).size).toBe(plan.channels.filter(({ external }) => external === undefined).length);
    }), { numRuns: 150 });
  });
});

describe('assigned partitions', () => {
  const counts = fc.tuple(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 64 }));

  it('are each read by exactly one replica', () => {
    fc.assert(fc.property(counts, ([partitions, replicas]) => {
      const all = Array.from({ length: replicas }, (_, index) => assignedPartitions(partitions, replicas, index, false));
      expect(all.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: partitions }, (_, partition) => partition));
      for (const [index, some] of all.entries()) for (const partition of some) expect(partition % replicas).toBe(index);
      const sizes = all.map((some) => some.length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }));
  });

  it('are all of them with broadcast, in a group of each replica', () => {
    fc.assert(fc.property(counts, ([partitions, replicas]) => {
      const groups = Array.from({ length: replicas }, (_, index) => {
        expect(assignedPartitions(partitions, replicas, index, true)).toHaveLength(partitions);
        return groupName('c', true, index);
      });
      expect(new Set(groups).size).toBe(replicas);
      expect(new Set(groups.map((_, index) => groupName('c', false, index)))).toEqual(new Set(['c']));
    }));
  });
});
