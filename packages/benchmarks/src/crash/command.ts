import { parseArgs } from 'node:util';

export const USAGE = 'npm run crash -- --backend local|kafka --delivery at-least-once|exactly-once [--kills N] [--minutes M] [--seed S] [--json]';

/** What was asked for on the command line. */
export interface CrashCommand {
  readonly backend: 'local' | 'kafka';
  readonly delivery: 'at-least-once' | 'exactly-once';
  readonly kills: number;
  readonly seed: number;
  /** Of a soak. 0: one kill after the other. */
  readonly minutes: number;
  /** Only the last line, and with a soak a line for each sample. */
  readonly json: boolean;
}

/** Arguments that mean nothing; the message says what there is. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** @throws UsageError */
export function parseCrashCommand(args: readonly string[]): CrashCommand {
  const { backend, delivery, kills, seed, minutes, json } = parse(args);
  if (backend !== 'local' && backend !== 'kafka') throw new UsageError('--backend is local or kafka');
  if (delivery !== 'at-least-once' && delivery !== 'exactly-once') throw new UsageError('--delivery is at-least-once or exactly-once');
  if (kills === undefined && minutes === undefined) throw new UsageError('say how long: --kills N, or --minutes M for a soak, or both');
  return {
    backend,
    delivery,
    kills: numberOf('kills', kills ?? '0', Number.isSafeInteger),
    seed: numberOf('seed', seed ?? `${Math.floor(Math.random() * 2 ** 31)}`, Number.isSafeInteger),
    minutes: numberOf('minutes', minutes ?? '0', Number.isFinite),
    json,
  };
}

function numberOf(option: string, text: string, fits: (value: number) => boolean): number {
  const value = Number(text);
  if (text.trim() !== '' && fits(value) && value >= 0) return value;
  throw new UsageError(`--${option} is a number from 0 on, not ${text}`);
}

function parse(args: readonly string[]) {
  try {
    const option = { type: 'string' } as const;
    const { values } = parseArgs({ args: [...args], options: { backend: option, delivery: option, kills: option, seed: option, minutes: option, json: { type: 'boolean', default: false } } });
    return values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
