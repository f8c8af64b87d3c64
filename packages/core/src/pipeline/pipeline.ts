import { MillraceError } from '../error/index.js';
import type { z } from 'zod';
import { operatorMembersOf, operatorMetadataOf, type OperatorClass } from '../operator/index.js';
import { createPlan, type Plan, type PlanOptions } from '../plan/index.js';
import type { AddOptions } from './options.js';
import type { PortAddress, Refs } from './refs.js';

/** An operator as it was added. */
export interface PipelineNode {
  readonly type: OperatorClass;
  /** As given; parsed by the plan. */
  readonly parameters: unknown;
  readonly options: AddOptions;
}

/** A connection as it was made. */
export interface PipelineConnection {
  readonly from: PortAddress;
  readonly to: PortAddress;
}

/** A port joined to a channel of somebody else. */
export interface PipelineBinding {
  readonly at: PortAddress;
  readonly direction: 'from' | 'to';
  readonly location: string;
}

/** All that a pipeline holds, for the plan and for what turns it into text. */
export interface PipelineDefinition {
  readonly name: string;
  /** Name by node; a node that has none is left out. */
  readonly names: ReadonlyMap<PipelineNode, string>;
  readonly nodes: readonly PipelineNode[];
  readonly connections: readonly PipelineConnection[];
  readonly bindings: readonly PipelineBinding[];
}

/** `parameters` may be left out where every one has a default. */
type AddArguments<C extends OperatorClass> = {} extends z.input<C['parameters']>
  ? [parameters?: z.input<C['parameters']>, options?: AddOptions<InstanceType<C>>]
  : [parameters: z.input<C['parameters']>, options?: AddOptions<InstanceType<C>>];

const ADDRESS = Symbol('address');
type Addressed = { readonly [ADDRESS]: PortAddress };

/**
 * Operators and their connections. Subclass it and add operators in fields, which name them; or use it as it is and give
 * `{ name }`. Adding reads metadata only: nothing is constructed before the pipeline runs.
 */
export class Pipeline {
  readonly #nodes: { readonly node: PipelineNode; readonly refs: object }[] = [];
  readonly #connections: PipelineConnection[] = [];
  readonly #bindings: PipelineBinding[] = [];

  /** @param name letters, digits, `_` and `-`, beginning with a letter or `_`; part of every channel's name */
  constructor(readonly name: string) {}

  /**
   * Adds an operator and returns a reference for each of its ports.
   * @throws MillraceError `MILLRACE_NOT_AN_OPERATOR`. Everything else that is wrong is found by the plan, all at once.
   */
  add<C extends OperatorClass>(type: C, ...[parameters, options]: AddArguments<C>): Refs<InstanceType<C>> {
    if (operatorMetadataOf(type) === undefined) throw new MillraceError('MILLRACE_NOT_AN_OPERATOR', `${type.name} is not decorated; write @operator(import.meta) above the class, also above a subclass`);
    const node: PipelineNode = { type, parameters: parameters ?? {}, options: (options ?? {}) as AddOptions };
    const refs: Record<string, object> = {};
    for (const [port, { direction }] of operatorMembersOf(type).ports) refs[port] = this.#ref({ node, port, deadLetters: false }, direction);
    Object.freeze(refs);
    this.#nodes.push({ node, refs });
    return refs as Refs<InstanceType<C>>;
  }

  /** What was added, with names resolved. */
  definition(): PipelineDefinition {
    const fields = new Map<unknown, string>(Object.entries(this).map(([field, value]) => [value, field]));
    const names = new Map<PipelineNode, string>();
    for (const { node, refs } of this.#nodes) {
      const name = node.options.name ?? fields.get(refs);
      if (name !== undefined) names.set(node, name);
    }
    return { name: this.name, names, nodes: this.#nodes.map(({ node }) => node), connections: this.#connections, bindings: this.#bindings };
  }

  /** Resolves and checks the pipeline as a whole; connects to nothing. What is wrong is in `problems` of the plan, all at once. */
  plan(options: PlanOptions): Plan {
    return createPlan(this.definition(), options);
  }

  #ref(at: PortAddress, direction: 'input' | 'output'): Addressed {
    const bind = (direction: 'from' | 'to') => (location: string) => void this.#bindings.push({ at, direction, location });
    if (direction === 'output') return Object.freeze({ [ADDRESS]: at, to: bind('to') });
    const connect = (...outputs: readonly object[]): void => {
      for (const output of outputs) this.#connections.push({ from: (output as Addressed)[ADDRESS], to: at });
    };
    return Object.freeze({ [ADDRESS]: at, connect, from: bind('from'), deadLetters: this.#ref({ ...at, deadLetters: true }, 'output') });
  }
}
