import { parseArgs } from 'node:util';
import type { Scenario } from './harness/scenario.js';

export const USAGE = 'npm run bench -- memory|local|kafka|scale [--json]';

/** What was asked for on the command line. */
export interface Command {
  readonly scenarios: readonly Scenario[];
  /** Lines of JSON instead of a table. */
  readonly json: boolean;
}

/** Arguments that mean nothing; the message says what there is. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * @param suites scenarios by suite
 * @throws UsageError for anything but one known suite, or one scenario of it, and `--json`
 */
export function parseCommand(args: readonly string[], suites: ReadonlyMap<string, readonly Scenario[]>): Command {
  const { values, positionals } = parse(args);
  const [name, ...others] = positionals;
  const known = [...suites.keys()].join(', ');
  if (name === undefined) throw new UsageError(`name a suite: ${known}`);
  if (others.length > 0) throw new UsageError(`one suite at a time, not ${positionals.join(' and ')}`);
  const [suite = ''] = name.split('/');
  const scenarios = suites.get(suite);
  if (scenarios === undefined) throw new UsageError(`there is no suite ${suite}; there are ${known}`);
  const chosen = name === suite ? scenarios : scenarios.filter(({ bench }) => bench === name);
  if (chosen.length === 0) throw new UsageError(`there is no ${name}; there are ${scenarios.map(({ bench }) => bench).join(', ')}`);
  return { scenarios: chosen, json: values.json };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options: { json: { type: 'boolean', default: false } } });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
