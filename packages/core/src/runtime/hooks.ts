import { MillraceError, toError } from '../error/index.js';

/** Calls of user code that a stop by force can leave: the code may never return, the replica must. */
export class HookCalls {
  #abandon: (error: Error) => void = () => {};
  readonly #abandoned: Promise<never>;
  isAbandoned = false;

  constructor() {
    this.#abandoned = new Promise((_, reject) => {
      this.#abandon = reject;
    });
    this.#abandoned.catch(() => {});
  }

  /** Rejects every call under way and to come. */
  abandon(error: Error): void {
    this.isAbandoned = true;
    this.#abandon(error);
  }

  /** Waits for a call, or for being abandoned. */
  guard<T>(call: Promise<T>): Promise<T> {
    // What comes after being abandoned has no one to go to.
    call.catch(() => {});
    return Promise.race([call, this.#abandoned]);
  }

  /** Calls a hook on all members that have it, level by level; those of a level beside each other. All of a level end before an error is thrown. */
  async levels(members: ReadonlyMap<string, object>, levels: readonly (readonly string[])[], hook: string, what: (member: string) => string): Promise<void> {
    for (const level of levels) {
      const results = await this.guard(Promise.allSettled(level.map((name) => callHook(members.get(name), hook))));
      for (const [i, result] of results.entries()) {
        if (result.status === 'fulfilled') continue;
        throw new MillraceError('MILLRACE_HOOK_FAILED', `${what(level[i]!)}.${hook} failed: ${toError(result.reason, `${what(level[i]!)}.${hook}`).message}`, { operator: what(level[i]!), cause: result.reason });
      }
    }
  }
}

/** Calls a method if the member has it. */
export async function callHook(member: object | undefined, hook: string, ...args: readonly unknown[]): Promise<void> {
  const method = (member as Record<string, unknown> | undefined)?.[hook];
  if (typeof method === 'function') await (method as (...args: unknown[]) => unknown).apply(member, [...args]);
}
