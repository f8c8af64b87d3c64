import type { Clock } from '@millrace/core';

/** Members of the channel SPI whose calls can be made to go wrong. */
export const FAULT_MEMBERS = [
  'backend.connect',
  'transport.describeChannel', 'transport.createResources', 'transport.deleteResources', 'transport.open', 'transport.close',
  'control.put', 'control.remove', 'control.follow',
  'session.reader', 'session.writer', 'session.commit', 'session.close',
  'reader.loadInputRecordOffset', 'reader.readRecords', 'reader.hasRecords', 'reader.endOffsets', 'reader.getConsumerLag', 'reader.pause', 'reader.resume', 'reader.seek',
  'writer.writeRecords',
] as const;

/** A member of the channel SPI, by the part that it belongs to. */
export type FaultMember = (typeof FAULT_MEMBERS)[number];

/**
 * What happens to a call.
 *
 * - `fail`: it throws or rejects; later calls are well.
 * - `delay`: it takes a while. A read gives nothing for that long, then a wake follows.
 * - `hang`: it never answers. A read gives nothing for ever.
 * - `cut`: the connection is lost. The call and all that were under way fail, and so does everything that comes later: of the
 *   session, whose `failure` is set and which is woken, or, on a member of the transport, of all its sessions.
 */
export type FaultAction = 'fail' | 'delay' | 'hang' | 'cut';

/** A fault at chosen calls. */
export interface Fault {
  readonly member: FaultMember;
  /** Which of the calls that match, counted from 1. Default 1. */
  readonly at?: number | readonly number[] | 'every';
  readonly action: FaultAction;
  /** The call is performed all the same, only its answer is late or lost. Default false: it is not, or later. */
  readonly after?: boolean;
  /** Length of a `delay` in ms. Default 50. */
  readonly delay?: number;
  /** Calls on behalf of this owner only: its id, or a pattern of it. */
  readonly owner?: string | RegExp;
  /** Calls that concern this channel only: its name, or a pattern of it. */
  readonly channel?: string | RegExp;
  /** What it fails with. Default: a MillraceError `MILLRACE_INJECTED_FAULT` that names member and call. */
  readonly error?: Error;
}

/** Faults by chance, the same for the same seed and the same sequence of calls. */
export interface RandomFaults {
  readonly seed: number;
  /** Probability of a fault at each call, 0 to 1. */
  readonly rate: number;
  /** Default: those of a replica at work: `session.commit`, `reader.readRecords`, `writer.writeRecords`. */
  readonly members?: readonly FaultMember[];
  /** Default: `fail`, `delay` and `cut`. */
  readonly actions?: readonly FaultAction[];
  /** Longest `delay` in ms. Default 50. */
  readonly delay?: number;
  /** No more faults after so many. Default: no limit. */
  readonly limit?: number;
  readonly owner?: string | RegExp;
  readonly channel?: string | RegExp;
}

export interface FaultPlan {
  /** The first that matches a call counts. */
  readonly faults?: readonly Fault[];
  readonly random?: RandomFaults;
  /** Measures delays. Default: the clock of the machine. */
  readonly clock?: Clock;
}

/** A fault that happened. */
export interface InjectedFault {
  readonly member: FaultMember;
  /** The number of the call among all of the member, from 1. */
  readonly call: number;
  readonly action: FaultAction;
  readonly after: boolean;
  readonly owner: string | undefined;
  readonly channel: string | undefined;
}

/** Answers at once, so that it can neither be late nor stay away. */
const SYNCHRONOUS: readonly FaultMember[] = ['reader.hasRecords', 'reader.pause', 'reader.resume', 'reader.seek'];

export function canHappen(member: FaultMember, action: FaultAction): boolean {
  return action === 'fail' || action === 'cut' || !SYNCHRONOUS.includes(member);
}

/**
 * Refuses a plan that can never do what it says.
 * @throws RangeError
 */
export function checkPlan({ faults = [], random }: FaultPlan): void {
  for (const { member, action, at = 1, delay = 0 } of faults) {
    if (!FAULT_MEMBERS.includes(member)) throw new RangeError(`${member} is no member that can fail; those are ${FAULT_MEMBERS.join(', ')}`);
    if (!canHappen(member, action)) throw new RangeError(`${member} answers at once: it can fail or be cut, but not ${action}`);
    for (const n of at === 'every' ? [] : [at].flat()) if (!Number.isSafeInteger(n) || n < 1) throw new RangeError(`calls of ${member} are counted from 1, there is no ${n}`);
    if (!(delay >= 0)) throw new RangeError(`a delay of ${member} is a number of ms, not ${delay}`);
  }
  if (random !== undefined && !(random.rate >= 0 && random.rate <= 1)) throw new RangeError(`a rate lies between 0 and 1, not at ${random.rate}`);
}
