import type { Capabilities, ChannelSpec } from '../channel/spi.js';
import type { Codec } from '../codec/index.js';
import type { Problem } from '../error/index.js';
import type { OperatorClass, PluginMetadata, StateMetadata } from '../operator/index.js';
import type { InputOptions, OperatorDefaults, OutputOptions, PlacementKind, RestartOptions } from '../pipeline/index.js';

/** A pipeline resolved and checked as a whole. Pure: connects to nothing, constructs nothing. */
export interface Plan {
  readonly pipeline: string;
  /** The home location: where channels, positions, state and control are. */
  readonly location: string;
  readonly capabilities: Capabilities;
  readonly operators: readonly OperatorPlan[];
  readonly channels: readonly ChannelPlan[];
  /** All of them at once, errors first; a pipeline with an `error` among them does not start. */
  readonly problems: readonly Problem[];
  /** Whether this start runs a replica: true for all of them, unless `only` names some. */
  selected(operator: string, index: number): boolean;
  /** A table for a terminal. */
  toText(): string;
  /** A plain value for `JSON.stringify`, without classes and secrets. */
  toJSON(): unknown;
  /** A Mermaid flow chart of operators and channels. */
  toMermaid(): string;
}

/** The threads or processes that run an operator's replicas. */
export interface ChildrenPlan {
  /** Operators of one pool share its threads or processes. */
  readonly pool: string;
  /** `undefined`: one for each replica. */
  readonly count: number | undefined;
  /** MiB of heap. */
  readonly memory: number | undefined;
  /** ms of silence after which one is killed; 0 = never. */
  readonly killAfter: number;
}

/** When replicas are started again. */
export interface RestartPlan extends Required<RestartOptions> {
  /** After an error too, instead of only after the end of their thread or process. */
  readonly afterErrors: boolean;
}

/** An operator with every option resolved. */
export interface OperatorPlan extends Required<Omit<OperatorDefaults, 'tick' | 'maxStepBytes' | 'placement' | 'restart'>> {
  readonly name: string;
  readonly placement: PlacementKind;
  readonly children: ChildrenPlan;
  readonly restart: RestartPlan;
  readonly type: OperatorClass;
  /** URL of its module, where known. */
  readonly module: string | undefined;
  /** Parsed; as given where they have problems. */
  readonly parameters: object;
  readonly tick: number | undefined;
  readonly maxStepBytes: number | undefined;
  readonly inputs: readonly InputPlan[];
  readonly outputs: readonly OutputPlan[];
  readonly states: readonly StateMetadata[];
  readonly plugins: readonly PluginPlan[];
  /** Ports and plugins in levels: each level's hooks run beside each other, after those of the level before. */
  readonly levels: readonly (readonly string[])[];
}

/** A plugin with its parameters. */
export interface PluginPlan extends PluginMetadata {
  /** Parsed; as given where they have problems. */
  readonly values: object;
}

export interface InputPlan extends Required<Omit<InputOptions, 'partitions' | 'backend'>> {
  readonly name: string;
  readonly codec: Codec<unknown>;
  readonly channel: ChannelPlan;
  /** Where dead letters go; empty unless `onError` is `deadLetter`. */
  readonly deadLetters: readonly ChannelPlan[];
  readonly backend: unknown;
}

export interface OutputPlan extends Required<Omit<OutputOptions, 'backend'>> {
  readonly name: string;
  readonly codec: Codec<unknown>;
  /** One per connected input, and one per external binding. Empty: what is sent is dropped. */
  readonly channels: readonly ChannelPlan[];
  readonly backend: unknown;
}

/** One end of a channel in the plan. */
export interface ChannelEnd {
  readonly operator: string;
  readonly port: string;
  readonly codec: Codec<unknown>;
  readonly replicas: number;
}

/** A channel with both of its ends. */
export interface ChannelPlan extends ChannelSpec {
  /** `pipeline.operator.port`; external: the name that it has. */
  readonly name: string;
  /** Whose transport: the home location, or the one of the external binding. */
  readonly location: string;
  readonly capabilities: Capabilities;
  /** Set where the channel belongs to somebody else. `partitions` is then 0 until preflight has asked. */
  readonly external: ExternalBinding | undefined;
  /** The input port that it feeds; `undefined` for dead letters that nobody reads and for external outputs. */
  readonly reader: (ChannelEnd & { readonly broadcast: boolean }) | undefined;
  readonly writers: readonly ChannelEnd[];
}

/** Formats that an external channel may have; the port's own codec decides what is in them. */
export type ExternalFormat = 'avro' | 'avro-bare' | 'confluent' | 'json' | 'text' | 'bytes';

/** What the URL of an external binding says. */
export interface ExternalBinding {
  readonly group: string | undefined;
  readonly start: 'earliest' | 'latest' | number;
  /** Stop at the end offsets found at the start: a bounded job. */
  readonly untilEnd: boolean;
  readonly format: ExternalFormat | undefined;
  readonly registry: string | undefined;
}

/** Name of a replica: its owner id, transactional id and name in logs. @internal */
export function replicaName(pipeline: string, operator: string, index: number): string {
  return `${pipeline}.${operator}#${index}`;
}

/** Names of all replicas of an operator, by index. @internal */
export function replicaNames(pipeline: string, operator: string, replicas: number): readonly string[] {
  return Array.from({ length: replicas }, (_, index) => replicaName(pipeline, operator, index));
}

/** The index in a name that {@link replicaName} made. @internal */
export function replicaIndex(name: string): number {
  return Number(name.slice(name.lastIndexOf('#') + 1));
}

const writers = new WeakMap<ChannelPlan, readonly string[]>();

/** Names of all replicas that write into a channel, each once. One list for all who ask, since every reading replica does. */
export function writerNames(pipeline: string, channel: ChannelPlan): readonly string[] {
  let names = writers.get(channel);
  if (names === undefined) writers.set(channel, (names = [...new Set(channel.writers.flatMap(({ operator, replicas }) => replicaNames(pipeline, operator, replicas)))]));
  return names;
}

/** The group under which a replica reads a channel of the pipeline: shared, or its own with `broadcast`. @internal */
export function groupName(channel: string, broadcast: boolean, replica: number): string {
  return broadcast ? `${channel}#${replica}` : channel;
}

/** The partitions that replica `index` of `replicas` reads: p with p mod replicas = index; with `broadcast` all. @internal */
export function assignedPartitions(partitions: number, replicas: number, index: number, broadcast: boolean): readonly number[] {
  const all = Array.from({ length: partitions }, (_, partition) => partition);
  return broadcast ? all : all.filter((partition) => partition % replicas === index);
}
