import type { PipelineBinding, PipelineDefinition, PortAddress } from '../pipeline/index.js';
import type { OperatorDraft } from './draft.js';
import type { ProblemList } from './problem-list.js';

/** An output port of an operator of the pipeline, or the dead letters of an input port. */
export interface Source {
  readonly operator: OperatorDraft;
  readonly port: string;
  readonly deadLetters: boolean;
}

/** Who is joined to whom, by port. */
export interface Wiring {
  /** What an input port reads, each source once. */
  sourcesOf(operator: OperatorDraft, input: string): readonly Source[];
  /** The input ports that a source writes to. */
  inputsOf(source: Source): readonly { readonly operator: OperatorDraft; readonly port: string }[];
  /** External bindings of a port, each location once. */
  bindingsOf(at: Source): readonly PipelineBinding[];
}

/** Holds the connections and bindings of a pipeline against its operators. */
export function wire(definition: PipelineDefinition, operators: readonly OperatorDraft[], problems: ProblemList): Wiring {
  const byNode = new Map(operators.map((operator) => [operator.node, operator]));
  const ids = new Map(operators.map((operator, index) => [operator, index]));
  const key = ({ operator, port, deadLetters }: Source): string => `${ids.get(operator) ?? -1}.${port}${deadLetters ? '.deadLetters' : ''}`;
  const find = (at: PortAddress): Source | undefined => {
    const operator = byNode.get(at.node);
    return operator && { operator, port: at.port, deadLetters: at.deadLetters };
  };

  const sources = new Map<string, Map<string, Source>>();
  const inputs = new Map<string, Map<string, Source>>();
  for (const { from, to } of definition.connections) {
    const source = find(from);
    const target = find(to);
    if (target === undefined || source === undefined) {
      const stranger = target === undefined ? to : from;
      const known = target ?? source;
      problems.error(
        'MILLRACE_CONNECTION_INVALID',
        known === undefined ? definition.name : portName(known),
        `it is connected to ${stranger.port} of an operator of class ${stranger.node.type.name} that is not in this pipeline`,
        'add both operators to one pipeline; pipelines are joined by an external channel, with to() and from()',
      );
      continue;
    }
    append(sources, key(target), key(source), source);
    append(inputs, key(source), key(target), target);
  }

  const bindings = new Map<string, Map<string, PipelineBinding>>();
  for (const binding of definition.bindings) {
    const at = find(binding.at);
    if (at !== undefined) append(bindings, key(at), String(binding.location), binding);
  }

  return {
    sourcesOf: (operator, input) => [...(sources.get(key({ operator, port: input, deadLetters: false }))?.values() ?? [])],
    inputsOf: (source) => [...(inputs.get(key(source))?.values() ?? [])],
    bindingsOf: (at) => [...(bindings.get(key(at))?.values() ?? [])],
  };
}

/** A source as problems and channel ends name it: `pipeline.operator.port`, with `.deadLetters` where those are meant. */
export function portName({ operator, port, deadLetters }: Source): string {
  return `${operator.where}.${port}${deadLetters ? '.deadLetters' : ''}`;
}

function append<V>(map: Map<string, Map<string, V>>, key: string, member: string, value: V): void {
  const members = map.get(key) ?? new Map<string, V>();
  map.set(key, members.set(member, value));
}
