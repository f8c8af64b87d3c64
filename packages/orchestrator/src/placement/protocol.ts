import type { CrashPoison, ExecutionMode, HandedRecord, HeartbeatOptions, PortCounters, ReplicaCounters, ReplicaOutcome, Stage } from '@millrace/core';
import type { BackendModule } from '../backends.js';
import type { OperatorWire } from './operator-wire.js';
import type { WireError } from './wire-error.js';

/**
 * The version of what parents and children say to each other. Both are of one installation as a rule; where two copies of the
 * package meet, neither takes the other's messages for something else.
 */
export const PROTOCOL = 2;

/** What a child is told before it runs anything: what all its replicas share. */
export interface Assignment {
  readonly pipeline: string;
  readonly runId: string;
  readonly generation: number;
  readonly mode: ExecutionMode;
  /** The home location. */
  readonly location: string;
  /** What its operators need beside that. */
  readonly locations: readonly string[];
  /** Options for `connect`, by location. */
  readonly connect: Readonly<Record<string, unknown>>;
  /** Where backends and services are loaded from. */
  readonly backends: readonly BackendModule[];
  readonly services: string | undefined;
  readonly heartbeat: HeartbeatOptions | undefined;
  readonly operators: readonly OperatorWire[];
  /** How often it gives a sign of life, in ms. */
  readonly beat: number;
  /** What its replicas get to end by themselves in ms when their parent is gone. */
  readonly grace: number;
}

/** Parent to child. */
export type ToChild =
  | { readonly type: 'start'; readonly assignment: Assignment }
  | { readonly type: 'run'; readonly replica: string; readonly operator: string; readonly index: number; readonly replicas: number; readonly poisons: readonly CrashPoison[] | undefined }
  | { readonly type: 'interrupt'; readonly replica: string; readonly kind: 'drain' | 'stop'; readonly signal: string | undefined }
  | { readonly type: 'abandon'; readonly replica: string; readonly error: WireError }
  | { readonly type: 'look'; readonly replica: string; readonly id: number }
  | { readonly type: 'end' };

/** Counters of a replica and of its ports. */
export interface WireCounters {
  readonly counters: ReplicaCounters;
  readonly ports: readonly (readonly [port: string, counters: PortCounters])[];
}

/** How a replica ended, with an error that can travel. */
export type WireOutcome = Omit<ReplicaOutcome, 'error'> & { readonly error: WireError | undefined };

/** Child to parent. */
export type FromChild =
  /** Connected, and ready for `run`. */
  | { readonly type: 'ready' }
  /** Cannot start, or an error that nobody caught ends it. */
  | { readonly type: 'fatal'; readonly error: WireError }
  | { readonly type: 'stage'; readonly replica: string; readonly stage: Stage; readonly from: Stage }
  | { readonly type: 'error'; readonly replica: string; readonly error: WireError; readonly source: string; readonly fatal: boolean }
  | { readonly type: 'degraded'; readonly replica: string; readonly port: string; readonly writers: readonly string[] }
  | { readonly type: 'log'; readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly fields: Readonly<Record<string, unknown>>; readonly message: string }
  /** A replica that comes back after a crash is about to be given this record. */
  | { readonly type: 'hand'; readonly replica: string; readonly record: HandedRecord }
  /** A sign of life, with the hooks that run: since when, on the child's clock, whose time `now` is. */
  | { readonly type: 'beat'; readonly now: number; readonly busy: readonly { readonly replica: string; readonly hook: string; readonly since: number; readonly waitsForRoom: boolean }[] }
  | { readonly type: 'looked'; readonly replica: string; readonly id: number; readonly lags: readonly (readonly [port: string, lag: number])[]; readonly counters: WireCounters }
  | { readonly type: 'ended'; readonly replica: string; readonly outcome: WireOutcome; readonly counters: WireCounters };

/** What goes over the wire: other code of the child may use the same one. */
export type Envelope<M> = { readonly millrace: number; readonly message: M };

export function wrap<M>(message: M): Envelope<M> {
  return { millrace: PROTOCOL, message };
}

/** A message of this protocol; `undefined` for what somebody else sent. @throws Error for one of another version */
export function unwrap<M>(given: unknown): M | undefined {
  if (typeof given !== 'object' || given === null || !('millrace' in given) || !('message' in given)) return undefined;
  const { millrace, message } = given as Envelope<M>;
  if (millrace !== PROTOCOL) throw new Error(`a message of version ${millrace} came, and this is version ${PROTOCOL}: the operator's module loads another version of @millrace/orchestrator than the program does`);
  return message;
}

