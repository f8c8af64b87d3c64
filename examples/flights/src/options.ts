import { parseArgs } from 'node:util';
import { z } from 'zod';

export const USAGE = `Usage: npm run demo -- [options]

  --location LOCATION  where channels, positions and state are. Default: memory:
  --flights N          reads the first N of the 3,000,000 flights. Default: all
  --replicas N         replicas of the aggregator. Default: 4
  --min-flights N      leaves airports with fewer flights out of the ranking. Default: 1
  --delivery GUARANTEE at-least-once (the default) or exactly-once
  --placement WHERE    where replicas run: inline (the default), thread or process. Not on memory:, which others cannot reach
  --help               prints this
`;

const count = z.coerce.number('must be a number').int('must be a whole number').positive('must be greater than 0');

const options = z.object({
  location: z.string().default('memory:'),
  flights: count.optional(),
  replicas: count.default(4),
  'min-flights': count.default(1),
  delivery: z.enum(['at-least-once', 'exactly-once'], 'must be at-least-once or exactly-once').default('at-least-once'),
  placement: z.enum(['inline', 'thread', 'process'], 'must be inline, thread or process').default('inline'),
  help: z.boolean().default(false),
});

export interface Options extends Omit<z.output<typeof options>, 'min-flights'> {
  readonly minFlights: number;
}

/** Options of the command line. @throws Error whose message names what is wrong */
export function parseOptions(args: readonly string[]): Options {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ args: [...args], options: { location: text, flights: text, replicas: text, 'min-flights': text, delivery: text, placement: text, help: { type: 'boolean' } } });
  const { success, data, error } = options.safeParse(values);
  if (!success) throw new Error(error.issues.map(({ path, message }) => `--${path.join('.')} ${message}`).join('\n'));
  const { 'min-flights': minFlights, ...rest } = data;
  return { ...rest, minFlights };
}
