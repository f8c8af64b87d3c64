import { bytes, input, InputPort, memoryBackend, operator, Operator, output, OutputPort, Pipeline, type ParametersOf } from '@millrace/core';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { adjusted, objectOf, settingOf } from './settings.js';

const Raw = bytes();

@operator(import.meta)
class From extends Operator {
  static override readonly parameters = z.object({ count: z.int().default(1), label: z.string().default(''), nested: z.object({ on: z.boolean().default(false) }).prefault({}) });
  declare readonly parameters: ParametersOf<typeof From>;
  @output(Raw) declare readonly raw: OutputPort<Uint8Array>;
  override onRunning() {}
}

@operator(import.meta)
class To extends Operator {
  @input(Raw) declare readonly raw: InputPort<Uint8Array>;
  override onRunning() {}
}

function pipeline(): Pipeline {
  const made = new Pipeline('p');
  const from = made.add(From, { count: 2 }, { name: 'from' });
  const to = made.add(To, {}, { name: 'to', ports: { raw: { retries: 1 } } });
  to.raw.connect(from.raw);
  return made;
}

const set = (...given: readonly string[]) => given.map((each) => settingOf('--set', each));

it('leaves a pipeline alone where nothing is set', () => {
  const given = pipeline();
  expect(adjusted(given, [], [])).toBe(given);
});

it('sets parameters and options, and keeps connections and what was given', () => {
  const given = pipeline();
  const plan = adjusted(given, set('from.nested.on=true', 'from.label=7'), set('to.replicas=2', 'to.ports.raw.onError=skip')).plan({ location: 'memory:', backends: [memoryBackend] });
  expect(plan.problems).toEqual([]);
  const [from, to] = plan.operators;
  // A number stays text where the schema takes only that.
  expect(from!.parameters).toEqual({ count: 2, label: '7', nested: { on: true } });
  expect(to).toMatchObject({ replicas: 2, inputs: [{ onError: 'skip', retries: 1 }] });
  expect(plan.channels.map(({ name, partitions }) => [name, partitions])).toEqual([['p.to.raw', 2]]);
  expect(given.plan({ location: 'memory:', backends: [memoryBackend] }).operators[1]!.replicas).toBe(1);
});

it('leaves it to the plan to say what is wrong with a value', () => {
  expect(adjusted(pipeline(), set('from.count=many'), []).plan({ location: 'memory:', backends: [memoryBackend] }).problems).toMatchObject([{ code: 'MILLRACE_PARAMETER_INVALID', where: expect.stringContaining('from') as string }]);
});

it('names the operator that is meant', () => {
  expect(() => adjusted(pipeline(), set('form.count=1'), [])).toThrow('p has no operator form; did you mean from?');
  expect(() => adjusted(pipeline(), [], set('replicas=1'))).toThrow('must be operator.name=value');
});

it('makes an object of paths; a value may have an equals sign', () => {
  expect(objectOf(set('a.b=1', 'a.c=x=y', 'd=[1]'), { a: { z: 0 } })).toEqual({ a: { z: 0, b: 1, c: 'x=y' }, d: [1] });
});
