import type { InputPort, OutputPort } from '../port/index.js';

/** What happens with a record that cannot be processed or decoded: the run fails; it is passed over; it goes to the dead letters. */
export type FailurePolicy = 'fail' | 'skip' | 'deadLetter';

/** Options of an input port. Durations in ms. */
export interface InputOptions {
  /** Partitions of its channel where more than replicas. Default: the replicas; 1 with `broadcast`. */
  readonly partitions?: number;
  /** Every replica reads every record (pypz: group mode). Default false: the replicas share the partitions. */
  readonly broadcast?: boolean;
  /** Default `fail`. */
  readonly onError?: FailurePolicy;
  /** Further tries of a record whose step throws, before `onError` applies. Default 0. */
  readonly retries?: number;
  /** Wait before the first further try, doubled each time up to 30,000. Default 100. */
  readonly backoff?: number;
  /** When a writer gives no sign of life: wait for it (and report `degraded`), fail, or take what is there as all. Default `wait`. */
  readonly onWriterDeath?: 'wait' | 'fail' | 'finish';
  /** How long OperationInit may take to open the channel, and then to see its writers show up; 0 = for ever. Default 0. */
  readonly openTimeout?: number;
  /** Wait in OperationInit for all writers instead of for one. Default false. */
  readonly syncOpen?: boolean;
  /** Begin only after every writer is done; on bounded channels the plan refuses it. Default false. */
  readonly sequential?: boolean;
  /** The backend's own options. */
  readonly backend?: unknown;
}

/** Options of an output port. */
export interface OutputOptions {
  /** Where records without a key go: whole batches in turn, or record by record. Default `sticky`. */
  readonly partitioner?: 'sticky' | 'round-robin';
  /**
   * The check of each value at `send`: `structure` (types, as the wire needs them), `full` (the zod schema with its
   * refinements), or `false`. Default `structure`.
   */
  readonly validate?: 'structure' | 'full' | false;
  /** How long OperationInit may take to open the channel; 0 = for ever. Default 0. */
  readonly openTimeout?: number;
  /** The backend's own options. */
  readonly backend?: unknown;
}

/** Where replicas run, in one word. */
export type PlacementKind = 'inline' | 'thread' | 'process';

/** Where replicas run, with limits for each thread or process that runs them. */
export interface PlacementOptions {
  readonly kind: PlacementKind;
  /** How many threads or processes run the replicas, which take them in turn; given in `defaults`, the operators share them. Default: one for each replica. */
  readonly count?: number;
  /** Heap of each in MiB; one that needs more ends, and is restarted as after any crash. Default: that of Node.js. */
  readonly memory?: number;
  /** Kills one that gave no sign of life for so many ms, since its event loop is blocked; it is then restarted. 0 = never: an event names it. Default 0. */
  readonly killAfter?: number;
}

/**
 * How often a replica is started again before it fails for good. Each pause is twice as long as the one before and differs by
 * up to a quarter, so that many replicas do not come back at the same moment. Durations in ms.
 */
export interface RestartOptions {
  /** Restarts in any `within`. Default 5. */
  readonly times?: number;
  /** Default 60,000. */
  readonly within?: number;
  /** The pause before the first restart. Default 200. */
  readonly backoff?: number;
  /** The longest pause. Default 30,000. */
  readonly longest?: number;
}

/** Options of an operator that `defaults` may give too. Durations in ms. */
export interface OperatorDefaults {
  /** How many replicas, all counted. Default 1. */
  readonly replicas?: number;
  /** Where replicas run. Default `inline`: in this process and thread. */
  readonly placement?: PlacementKind | PlacementOptions;
  /**
   * Starts replicas that failed again, from their last commit; `false`: never. Default: only those whose thread or process ended
   * without a word, while an error that no policy mends ends the run.
   */
  readonly restart?: RestartOptions | false;
  /** Calls `onTick` this often. Default: never. */
  readonly tick?: number;
  /** Longest pause of a source that has nothing to send; begins at 10 and doubles. Default 1,000. */
  readonly idle?: number;
  /** Default `at-least-once`. */
  readonly delivery?: 'at-least-once' | 'exactly-once';
  /** Longest time between commits while there is work. Default 100. */
  readonly commitInterval?: number;
  /** What may be sent between two commits: bytes (default 64 MiB), or records where the channel carries objects (default 100,000). */
  readonly maxStepBytes?: number;
  /** After this long in one step or hook an event names it; 0 = never. Default 30,000. */
  readonly stepTimeout?: number;
}

type PortOptionsOf<I> = {
  readonly [K in keyof I as I[K] extends InputPort<infer _T> | OutputPort<infer _U> ? K : never]?: I[K] extends InputPort<infer _T> ? InputOptions : OutputOptions;
};

/** Options of `Pipeline.add`. */
export interface AddOptions<I = unknown> extends OperatorDefaults {
  /** Name in the pipeline. Default: the field of the pipeline that holds what `add` returned. */
  readonly name?: string;
  readonly ports?: unknown extends I ? Readonly<Record<string, InputOptions | OutputOptions>> : PortOptionsOf<I>;
}

/** `defaults` of `orchestrate`: for every operator, and in `ports` for every port, where `add` says nothing else. */
export interface PipelineDefaults extends OperatorDefaults {
  readonly ports?: InputOptions & OutputOptions;
}
