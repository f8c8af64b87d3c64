import type { OperatorClass } from '../operator/index.js';
import { Pipeline, type AddOptions, type InputRef, type OutputRef } from '../pipeline/index.js';
import type { PipelineSpec } from './grammar.js';
import { againstFile } from './places.js';

/** Makes the pipeline of a spec in which nothing is wrong and no template is left. */
export function build(spec: PipelineSpec, types: ReadonlyMap<string, OperatorClass>, parameters: ReadonlyMap<string, object>, file: string): Pipeline {
  const pipeline = new Pipeline(spec.pipeline);
  const refs = new Map<string, Readonly<Record<string, unknown>>>();
  for (const [name, { class: _class, parameters: _parameters, ports = {}, ...options }] of Object.entries(spec.operators)) {
    const type = types.get(name);
    if (type === undefined) continue;
    const portOptions = Object.fromEntries(Object.entries(ports).flatMap(([port, { connect: _connect, from: _from, to: _to, deadLetters: _letters, ...rest }]) => (Object.keys(rest).length === 0 ? [] : [[port, rest]])));
    const all = { ...options, name, ...(Object.keys(portOptions).length === 0 ? {} : { ports: portOptions }) } as AddOptions;
    refs.set(name, pipeline.add(type, (parameters.get(name) ?? {}) as never, all as never));
  }
  const inputOf = (operator: string, port: string): InputRef<unknown> => refs.get(operator)?.[port] as InputRef<unknown>;
  const outputOf = (operator: string, port: string): OutputRef<unknown> => refs.get(operator)?.[port] as OutputRef<unknown>;
  for (const [name, { ports = {} }] of Object.entries(spec.operators)) {
    for (const [port, { connect, from, to, deadLetters }] of Object.entries(ports)) {
      for (const source of listOf(connect)) {
        const [sender = '', output = '', letters] = source.split('.');
        inputOf(name, port).connect(letters === undefined ? outputOf(sender, output) : inputOf(sender, output).deadLetters);
      }
      for (const location of listOf(from)) inputOf(name, port).from(againstFile(location, file));
      for (const location of listOf(to)) outputOf(name, port).to(againstFile(location, file));
      for (const location of listOf(deadLetters?.to)) inputOf(name, port).deadLetters.to(againstFile(location, file));
    }
  }
  return pipeline;
}

function listOf(value: string | readonly string[] | undefined): readonly string[] {
  return value === undefined ? [] : typeof value === 'string' ? [value] : value;
}
