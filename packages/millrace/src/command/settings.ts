import { MillraceError, nearest, Pipeline, type PipelineDefinition, type PipelineNode } from '@millrace/core';

/** `key=value` of a flag that may be given several times. */
export interface Setting {
  readonly path: readonly string[];
  readonly text: string;
}

/** @throws MillraceError `MILLRACE_COMMAND_INVALID` */
export function settingOf(flag: string, given: string): Setting {
  const at = given.indexOf('=');
  if (at < 1) throw new MillraceError('MILLRACE_COMMAND_INVALID', `${flag} ${given}: must be name=value`);
  return { path: given.slice(0, at).split('.'), text: given.slice(at + 1) };
}

/** A value as JSON, or as text where it is none. */
export function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** An object with each setting at its path. */
export function objectOf(settings: readonly Setting[], base: object = {}): object {
  return settings.reduce<object>((object, { path, text }) => withValue(object, path, valueOf(text)), base);
}

/** The same object but for one value; nothing is changed in place. */
export function withValue(object: unknown, [key, ...rest]: readonly string[], value: unknown): object {
  const members = typeof object === 'object' && object !== null ? (object as Readonly<Record<string, unknown>>) : {};
  return { ...members, [key!]: rest.length === 0 ? value : withValue(members[key!], rest, value) };
}

/**
 * A pipeline with parameters and options of some operators given otherwise.
 * @throws MillraceError `MILLRACE_COMMAND_INVALID` where an operator is not there
 */
export function adjusted(pipeline: Pipeline, parameters: readonly Setting[], options: readonly Setting[]): Pipeline {
  if (parameters.length === 0 && options.length === 0) return pipeline;
  const known = [...pipeline.definition().names.values()];
  for (const { path: [operator = '', ...rest] } of [...parameters, ...options]) {
    if (rest.length === 0) throw new MillraceError('MILLRACE_COMMAND_INVALID', `${operator}: must be operator.name=value`);
    if (!known.includes(operator)) throw new MillraceError('MILLRACE_COMMAND_INVALID', `${pipeline.name} has no operator ${operator}; ${suggestion(operator, known)}`);
  }
  return new Adjusted(pipeline, parameters, options);
}

function suggestion(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  return near === undefined ? `it has ${known.join(', ') || 'none'}` : `did you mean ${near}?`;
}

class Adjusted extends Pipeline {
  readonly #definition: PipelineDefinition;

  constructor(pipeline: Pipeline, parameters: readonly Setting[], options: readonly Setting[]) {
    super(pipeline.name);
    const { name, names, nodes, connections, bindings } = pipeline.definition();
    const own = (settings: readonly Setting[], node: PipelineNode): readonly Setting[] => settings.filter(({ path }) => path[0] === names.get(node)).map(({ path, text }) => ({ path: path.slice(1), text }));
    const copies = new Map(nodes.map((node): [PipelineNode, PipelineNode] => [node, { type: node.type, parameters: withParameters(node, own(parameters, node)), options: objectOf(own(options, node), node.options) }]));
    const copyOf = <A extends { readonly node: PipelineNode }>(address: A): A => ({ ...address, node: copies.get(address.node)! });
    this.#definition = {
      name,
      names: new Map([...names].map(([node, text]) => [copies.get(node)!, text])),
      nodes: [...copies.values()],
      connections: connections.map(({ from, to }) => ({ from: copyOf(from), to: copyOf(to) })),
      bindings: bindings.map((binding) => ({ ...binding, at: copyOf(binding.at) })),
    };
  }

  override definition(): PipelineDefinition {
    return this.#definition;
  }
}

/** What looks like JSON is text all the same where the parameter's schema takes only that. */
function withParameters({ type, parameters }: PipelineNode, settings: readonly Setting[]): unknown {
  return settings.reduce<unknown>((values, { path, text }) => {
    const asJson = withValue(values, path, valueOf(text));
    const isWrong = (candidate: object): boolean => type.parameters.safeParse(candidate).error?.issues.some((issue) => issue.path.join('.') === path.join('.')) ?? false;
    if (!isWrong(asJson)) return asJson;
    const asText = withValue(values, path, text);
    return isWrong(asText) ? asJson : asText;
  }, parameters);
}
