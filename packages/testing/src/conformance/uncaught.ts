/**
 * Runs something with the uncaught exceptions of the process turned away from its listeners (a test runner counts them as
 * failures), and gives those that came up.
 */
export async function uncaughtDuring(run: () => Promise<void>): Promise<readonly unknown[]> {
  const errors: unknown[] = [];
  const listeners = process.listeners('uncaughtException');
  const note = (error: unknown): void => void errors.push(error);
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', note);
  try {
    await run();
  } finally {
    process.off('uncaughtException', note);
    for (const listener of listeners) process.on('uncaughtException', listener);
  }
  return errors;
}
