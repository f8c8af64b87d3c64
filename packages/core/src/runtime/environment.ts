import type { SchemaCatalog } from '../channel/schema-catalog.js';
import type { Transport } from '../channel/spi.js';
import type { StatusBoard } from '../channel/status-board.js';
import type { Clock } from '../clock/index.js';
import type { ExecutionMode, Stage } from '../lifecycle/index.js';
import type { Logger } from '../logger/index.js';
import type { Operator } from '../operator/index.js';
import type { OperatorPlan } from '../plan/plan.js';
import type { Plugin } from '../plugin/index.js';
import type { ReplicaDriver } from './driver.js';
import type { Poison } from './replay.js';
import type { HandedRecord } from './step.js';

/** All that a replica is given: the orchestrator makes one for each, the test harness makes a small one. @internal */
export interface ReplicaEnvironment {
  readonly pipeline: string;
  readonly operator: OperatorPlan;
  readonly index: number;
  readonly runId: string;
  readonly generation: number;
  readonly mode: ExecutionMode;
  /** Location of positions, state and control. */
  readonly homeLocation: string;
  /** The transport of a location of the plan. */
  readonly transport: (location: string) => Transport;
  readonly board: StatusBoard | undefined;
  readonly schemas: SchemaCatalog | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Deep-freezes what operators read and send. */
  readonly freeze: boolean;
  /** Makes an instance; called again when one has to be built anew. */
  readonly createOperator: () => Promise<Operator>;
  readonly createPlugin: (name: string) => Promise<Plugin>;
  readonly events: ReplicaEvents;
  /** Who drives the replica by hand; in production nobody. */
  readonly driver?: ReplicaDriver;
  /** Set where the replica's thread or process crashed before, and a record may be at fault. */
  readonly after?: AfterCrash;
}

/** How a replica goes on after a crash: it replays one record at a time, as after a step that threw. @internal */
export interface AfterCrash {
  /** Records that were in hand at too many crashes, and are given up. */
  readonly poisons: readonly CrashPoison[];
  /** Told each record before the operator is given it: what was told last is what was in hand at the next crash. */
  readonly hand: (record: HandedRecord) => void;
}

/** A record that its replica does not survive. @internal */
export interface CrashPoison extends Omit<Poison, 'cause'> {
  readonly record: HandedRecord;
  /** What the crashes looked like. */
  readonly message: string;
}

/** What a replica reports while it lives. @internal */
export interface ReplicaEvents {
  stage(replica: string, stage: Stage, from: Stage): void;
  /** An error that the replica met, also one that a retry may mend. */
  error(replica: string, error: Error, source: string, fatal: boolean): void;
  /** Writers of an input that give no sign of life; empty once they are back. */
  degraded(replica: string, port: string, writers: readonly string[]): void;
}
