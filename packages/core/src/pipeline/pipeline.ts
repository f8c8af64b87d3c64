import type { z } from 'zod';
import { MillraceError } from '../error/index.js';
import { operatorMetadataOf, type InstanceOf, type OperatorClass } from '../operator/index.js';
import { createPlan, type Plan, type PlanOptions } from '../plan/index.js';
import { makeRefs } from './make-refs.js';
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
  ? [parameters?: z.input<C['parameters']>, options?: AddOptions<InstanceOf<C>>]
  : [parameters: z.input<C['parameters']>, options?: AddOptions<InstanceOf<C>>];

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
  add<C extends OperatorClass>(type: C, ...[parameters, options]: AddArguments<C>): Refs<InstanceOf<C>> {
    // Plain JavaScript may pass anything, and a circle of imports passes undefined.
    if (typeof (type as unknown) !== 'function') throw new MillraceError('MILLRACE_NOT_AN_OPERATOR', `pipeline ${this.name} was to add ${String(type)}, which is no operator class`);
    if (operatorMetadataOf(type) === undefined) throw new MillraceError('MILLRACE_NOT_AN_OPERATOR', `${type.name || 'the class'} is not decorated; write @operator(import.meta) above the class, also above a subclass`);
    const node: PipelineNode = { type, parameters: parameters ?? {}, options: (options ?? {}) as AddOptions };
    const refs = makeRefs(node, { pipeline: this.name, nameOf: (other) => this.#nameOf(other), connections: this.#connections, bindings: this.#bindings });
    this.#nodes.push({ node, refs });
    return refs as Refs<InstanceOf<C>>;
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

  /** The name of an operator as far as it is known while the pipeline is being built. */
  #nameOf(node: PipelineNode): string {
    return this.definition().names.get(node) ?? node.type.name;
  }
}
