import type { Measured } from './race.js';

/** Begins to measure the time that passes and the CPU time that this process takes; the call that it gives says how much. */
export function startStopwatch(): () => Measured {
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(cpu);
    return { seconds: (performance.now() - startedAt) / 1000, cpuSeconds: (user + system) / 1e6 };
  };
}
