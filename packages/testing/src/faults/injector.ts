import { MillraceError, systemClock, type Clock, type MaybePromise } from '@millrace/core';
import { randomOf } from '../random.js';
import { canHappen, checkPlan, type Fault, type FaultAction, type FaultMember, type FaultPlan, type InjectedFault } from './plan.js';

/** Whom and what a call concerns. */
export interface Place {
  readonly owner?: string | undefined;
  readonly channel?: string | undefined;
}

/** A fault that is due at a call. */
export interface Due {
  readonly action: FaultAction;
  readonly after: boolean;
  readonly delay: number;
  readonly error: Error;
}

/** Counts calls, decides which of them go wrong, and makes those of the asynchronous members do so. */
export class Injector {
  readonly injected: InjectedFault[] = [];
  readonly clock: Clock;
  readonly #calls = new Map<FaultMember, number>();
  readonly #matched = new Map<Fault, number>();
  readonly #random: () => number;
  #left: number;
  #healed = false;

  constructor(private readonly plan: FaultPlan) {
    checkPlan(plan);
    this.clock = plan.clock ?? systemClock;
    this.#random = randomOf(plan.random?.seed ?? 0);
    this.#left = plan.random?.limit ?? Infinity;
  }

  calls(member: FaultMember): number {
    return this.#calls.get(member) ?? 0;
  }

  heal(): void {
    this.#healed = true;
  }

  /** Counts a call, and says what is to happen to it. */
  due(member: FaultMember, place: Place): Due | undefined {
    const call = this.calls(member) + 1;
    this.#calls.set(member, call);
    const fault = this.#planned(member, place) ?? this.#chance(member, place);
    if (fault === undefined || this.#healed) return undefined;
    const { action, after = false, delay = 50 } = fault;
    this.injected.push({ member, call, action, after, owner: place.owner, channel: place.channel });
    const what = `call ${call} of ${member} was made to ${action}${after ? ' after it was performed' : ''}`;
    return { action, after, delay, error: fault.error ?? new MillraceError('MILLRACE_INJECTED_FAULT', what, { operator: place.owner, channel: place.channel, retriable: action === 'fail' }) };
  }

  /** Performs a call that answers with a promise. */
  async promised<T>(member: FaultMember, place: Place, line: Line, call: () => Promise<T>): Promise<T> {
    line.check();
    return line.guard(this.#promised(this.due(member, place), line, call));
  }

  async #promised<T>(due: Due | undefined, line: Line, call: () => Promise<T>): Promise<T> {
    if (due === undefined) return call();
    if (due.action === 'delay' && !due.after) await this.#wait(due.delay);
    if (due.action !== 'delay' && !due.after) return this.#unanswered(due, line);
    const answer = await call();
    if (due.action !== 'delay') return this.#unanswered(due, line);
    if (due.after) await this.#wait(due.delay);
    return answer;
  }

  /** Performs a call that answers at once where it can: it keeps doing so unless it is delayed. */
  maybe<T>(member: FaultMember, place: Place, line: Line, call: () => MaybePromise<T>): MaybePromise<T> {
    line.check();
    const due = this.due(member, place);
    if (due === undefined) {
      const answer = call();
      return answer instanceof Promise ? line.guard(answer) : answer;
    }
    if (due.action === 'delay' || due.action === 'hang') return line.guard(this.#promised(due, line, async () => call()));
    const performed = due.after ? call() : undefined;
    if (performed instanceof Promise) return line.guard(performed.then(() => this.#unanswered(due, line)));
    throw line.failing(due);
  }

  /** Performs a call that always answers at once. */
  now<T>(member: FaultMember, place: Place, line: Line, call: () => T): T {
    line.check();
    const due = this.due(member, place);
    if (due === undefined) return call();
    if (due.after) call();
    throw line.failing(due);
  }

  #unanswered(due: Due, line: Line): Promise<never> {
    return due.action === 'hang' ? new Promise<never>(() => undefined) : Promise.reject(line.failing(due));
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => void this.clock.after(ms, resolve));
  }

  #planned(member: FaultMember, place: Place): Fault | undefined {
    let found: Fault | undefined;
    for (const fault of this.plan.faults ?? []) {
      if (fault.member !== member || !matches(fault, place)) continue;
      const nth = (this.#matched.get(fault) ?? 0) + 1;
      this.#matched.set(fault, nth);
      const { at = 1 } = fault;
      if (at === 'every' || [at].flat().includes(nth)) found ??= fault;
    }
    return found;
  }

  #chance(member: FaultMember, place: Place): Fault | undefined {
    const { random } = this.plan;
    if (random === undefined || this.#healed || this.#left <= 0) return undefined;
    const { members = ['session.commit', 'reader.readRecords', 'writer.writeRecords'], actions = ['fail', 'delay', 'cut'], delay = 50 } = random;
    if (!members.includes(member) || !matches(random, place)) return undefined;
    // As many draws for every call, so that what happens to one does not shift the others.
    const [chance, which, length, performed] = [this.#random(), this.#random(), this.#random(), this.#random()];
    const possible = actions.filter((action) => canHappen(member, action));
    const action = possible[Math.floor(which * possible.length)];
    if (chance >= random.rate || action === undefined) return undefined;
    this.#left--;
    return { member, action, delay: length * delay, after: performed < 0.5 };
  }
}

/** A connection that can be lost, once and for all. */
export class Line {
  #lost: Error | undefined;
  readonly #onLost = new Set<(error: Error) => void>();

  get lost(): Error | undefined {
    return this.#lost;
  }

  /** @throws the error that the connection was lost with */
  check(): void {
    if (this.#lost !== undefined) throw this.#lost;
  }

  /** Loses the connection: whatever is under way fails. */
  cut(error: Error): void {
    if (this.#lost !== undefined) return;
    this.#lost = error;
    for (const tell of [...this.#onLost]) tell(error);
    this.#onLost.clear();
  }

  /** Calls `tell` when the connection is lost; the answer ends that. */
  onLost(tell: (error: Error) => void): () => void {
    if (this.#lost !== undefined) tell(this.#lost);
    else this.#onLost.add(tell);
    return () => this.#onLost.delete(tell);
  }

  /** The outcome of a promise, or the loss of the connection if that comes first. */
  guard<T>(promise: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const forget = this.onLost(reject);
      promise.then(resolve, reject).finally(forget);
    });
  }

  /** The error of a call that goes wrong; cuts the connection where that is how. */
  failing({ action, error }: Due): Error {
    if (action === 'cut') this.cut(error);
    return error;
  }
}

function matches(filter: { readonly owner?: string | RegExp; readonly channel?: string | RegExp }, place: Place): boolean {
  return fits(filter.owner, place.owner) && fits(filter.channel, place.channel);
}

function fits(pattern: string | RegExp | undefined, value: string | undefined): boolean {
  if (pattern === undefined) return true;
  if (value === undefined) return false;
  return typeof pattern === 'string' ? pattern === value : value.search(pattern) >= 0;
}
