import type { OperatorHook } from '../operator/index.js';

/** An error of a hook, with the hook's name. */
export class HookError extends Error {
  constructor(
    readonly hook: OperatorHook,
    override readonly cause: Error,
  ) {
    super(cause.message, { cause });
  }
}
