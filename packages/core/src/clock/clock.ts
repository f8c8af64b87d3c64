/** Time as the runtime sees it. The testing package has a settable one. */
export interface Clock {
  /** Monotonic ms from an arbitrary start: durations, deadlines and liveness. */
  now(): number;
  /** Epoch ms: timestamps of records. */
  wall(): number;
  /** Calls `fire` once after `ms`. The timer does not keep the process alive by itself. */
  after(ms: number, fire: () => void): Timer;
}

export interface Timer {
  /** Quiet when it has fired or was cancelled. */
  cancel(): void;
}

/** The machine's clocks. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(ms, fire) {
    const timer = setTimeout(fire, Math.min(Math.max(0, ms), 0x7fff_ffff));
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
