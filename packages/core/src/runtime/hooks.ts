import type { Clock } from '../clock/index.js';
import { toError } from '../error/index.js';

/** A hook that runs, and since when on the clock's monotonic scale. */
export interface RunningHook {
  /** The plugin; empty for the operator itself. */
  readonly member: string;
  readonly hook: string;
  readonly since: number;
}

/** Who came through a hook, and who threw. */
export interface LevelResult {
  readonly done: readonly string[];
  readonly failures: readonly { readonly member: string; readonly error: Error }[];
}

/** Calls of user code that a stop by force can leave: the code may never return, the replica must. */
export class HookCalls {
  readonly #clock: Clock;
  readonly #waiting = new Set<(error: Error) => void>();
  readonly #running = new Set<RunningHook>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The oldest hook of those that run through {@link watch}. */
  get running(): RunningHook | undefined {
    const [first] = this.#running;
    return first;
  }

  /** Rejects every call under way. Later ones are waited for as usual, until they are given up in their turn. */
  abandon(error: Error): void {
    for (const reject of [...this.#waiting]) reject(error);
  }

  /** Waits for a call, or for being abandoned: then whatever becomes of the call has no one to go to. */
  async guard<T>(call: Promise<T>): Promise<T> {
    let leave = (): void => {};
    try {
      return await new Promise<T>((resolve, reject) => {
        leave = () => void this.#waiting.delete(reject);
        this.#waiting.add(reject);
        call.then(resolve, reject);
      });
    } finally {
      leave();
    }
  }

  /** As {@link guard}, and tells meanwhile that the hook runs. */
  async watch<T>(member: string, hook: string, call: () => Promise<T>): Promise<T> {
    const running: RunningHook = { member, hook, since: this.#clock.now() };
    this.#running.add(running);
    try {
      return await this.guard(call());
    } finally {
      this.#running.delete(running);
    }
  }

  /**
   * Calls a hook on those of a level that have it, beside each other. Resolves when all have ended, whoever threw.
   * @param owner the replica, for the message where something else than an error was thrown
   */
  async level(members: ReadonlyMap<string, object>, level: readonly string[], hook: string, owner: string): Promise<LevelResult> {
    const done: string[] = [];
    const failures: { member: string; error: Error }[] = [];
    await Promise.all(level.map(async (member) => {
      const target = members.get(member);
      try {
        if (hasHook(target, hook)) await this.watch(member, hook, () => callHook(target, hook));
        done.push(member);
      } catch (thrown) {
        failures.push({ member, error: toError(thrown, `${owner}.${member}.${hook}`) });
      }
    }));
    return { done, failures };
  }
}

function hasHook(target: object | undefined, hook: string): target is Record<string, (...args: unknown[]) => unknown> {
  return typeof (target as Record<string, unknown> | undefined)?.[hook] === 'function';
}

/** Calls a method if the target has it. */
export async function callHook(target: object | undefined, hook: string, ...args: readonly unknown[]): Promise<void> {
  if (hasHook(target, hook)) await target[hook]!(...args);
}
