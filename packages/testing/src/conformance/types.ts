import type { Capabilities, ChannelBackend } from '@millrace/core';
import type { ConformanceContext } from './context.js';

/** What the suite is given for one case: a place on a backend. */
export interface ConformanceTarget {
  readonly backend: ChannelBackend;
  /**
   * Where the case runs. It may be shared between cases (a broker): every channel, group, owner and pipeline that a case uses
   * has a name of its own, and is deleted afterwards. Where channels are bounded, one must hold 2,000 records of 20 bytes.
   */
  readonly location: string;
  /** Second argument of {@link ChannelBackend.connect}. */
  readonly connectOptions?: unknown;
  /** `backend` of every channel that is created. */
  readonly channelOptions?: unknown;
  /**
   * Does to the place what a crash and restart of this process would: afterwards only what is durable is there. Every transport
   * of the case was closed before. Needed by the cases on durability.
   */
  readonly restart?: () => Promise<void>;
  /** Called once after the case, whatever became of it. */
  readonly cleanup?: () => Promise<void>;
}

/** Makes a place for one case. Called before each. */
export type ConformanceFactory = () => ConformanceTarget | Promise<ConformanceTarget>;

export interface ConformanceOptions {
  /** Longest wait for anything that the backend has to do by itself, in ms. Default 10,000. */
  readonly timeout?: number;
  /** Whether records travel as `objects` or encoded. Default: objects where the backend carries them. Run the suite both ways then. */
  readonly payload?: 'objects' | 'bytes';
  /** Records of the largest batch. Default 150,000. */
  readonly largeBatch?: number;
  /** Bytes of the largest record, where the limit of the backend is not smaller. Default 900,000. */
  readonly largeRecord?: number;
  /** After so many records without room a bounded backend must have made its writer wait. Default 1,000,000. */
  readonly unread?: number;
}

/** A condition of a case: a capability of the backend, `restart` of the target, or a payload by reference. */
export type ConformanceNeed = 'durable' | 'transactions' | 'replay' | 'compaction' | 'objects' | 'bounded' | 'restart';

/** One promise of the SPI, put to the test. */
export interface ConformanceCase {
  /** The part of the SPI that it belongs to. */
  readonly group: string;
  /** The promise, as a sentence. */
  readonly name: string;
  /** Without these the promise is not made. */
  readonly needs?: readonly ConformanceNeed[];
  /** @throws MillraceError `MILLRACE_CONFORMANCE` where the promise is broken. */
  run(context: ConformanceContext): Promise<void>;
}

/** Why a case says nothing about a backend; nothing where it does. */
export function notApplicable(conformanceCase: ConformanceCase, capabilities: Capabilities, canRestart: boolean): string | undefined {
  const missing = (conformanceCase.needs ?? []).filter((need) => (need === 'restart' ? !canRestart : !capabilities[need]));
  if (missing.length === 0) return undefined;
  return missing.map((need) => REASONS[need]).join(', ');
}

const REASONS: Readonly<Record<ConformanceNeed, string>> = {
  durable: 'the backend is not durable',
  transactions: 'the backend has no transactions',
  replay: 'the backend cannot replay',
  compaction: 'the backend cannot compact',
  objects: 'the backend carries no objects',
  bounded: 'the channels of the backend are not bounded',
  restart: 'the target cannot restart',
};
