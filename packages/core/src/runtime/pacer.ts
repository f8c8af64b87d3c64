/** How long replicas of a thread may go on without letting timers, signals and I/O in. */
const TURN_MS = 10;

let turnBegan = 0;
let pause: Promise<void> | undefined;

/** Whether the thread has to let the event loop turn. */
export function mustPause(now: number): boolean {
  return now - turnBegan > TURN_MS;
}

/**
 * Lets the event loop turn: timers, signals and I/O come to their right although busy replicas feed each other by promises alone.
 * One turn serves all who ask for it. Uses the machine's clock, since it is about the machine's event loop.
 */
export function pauseForEventLoop(): Promise<void> {
  return (pause ??= new Promise((resolve) => {
    setImmediate(() => {
      turnBegan = performance.now();
      pause = undefined;
      resolve();
    });
  }));
}
