import { orchestrate, type RunResult } from 'millrace';
import pc from 'picocolors';
import { FLIGHTS } from './data.js';
import { Flights } from './flights.js';
import { parseOptions, USAGE, type Options } from './options.js';
import { displayOn, follow, type Terminal } from './progress.js';
import type { Scoreboard } from './scoreboard.js';
import { scoreboard } from './services.js';
import { table } from './table.js';

/** The whole demo. @returns the exit code */
export async function demo(args: readonly string[], out: Terminal, err: Terminal): Promise<number> {
  const fail = (error: unknown, more = ''): number => {
    err.write(`${pc.red('error')} ${(error as Error).message}\n${more}`);
    return 1;
  };
  let options: Options;
  try {
    options = parseOptions(args);
  } catch (error) {
    return fail(error, `\n${USAGE}`);
  }
  if (options.help) {
    out.write(USAGE);
    return 0;
  }
  try {
    return await run(options, out);
  } catch (error) {
    return fail(error);
  }
}

async function run({ location, flights, replicas, minFlights, delivery, placement }: Options, out: Terminal): Promise<number> {
  const began = performance.now();
  const run = await orchestrate(new Flights('flights', { file: FLIGHTS, rows: flights, replicas, minFlights }), {
    location,
    services: new URL('./services.js', import.meta.url),
    defaults: { delivery, placement },
  });

  const display = displayOn(out);
  const onSignal = (): void => display.note('Finishing what was read; once more stops at once.');
  process.once('SIGINT', onSignal);
  try {
    await follow(run, display);
  } finally {
    process.off('SIGINT', onSignal);
  }
  const result = await run.completed;
  out.write(closing(result, scoreboard, location, (performance.now() - began) / 1_000));
  return result.exitCode;
}

function closing({ outcome }: RunResult, { ranking, flights }: Scoreboard, location: string, seconds: number): string {
  const of = `of ${flights.toLocaleString('en')} flights`;
  const title = ranking.length === 0 ? `No airport has enough flights, ${of}` : `The ${ranking.length} airports with the worst mean delay, ${of}`;
  const rate = Math.round(flights / seconds).toLocaleString('en');
  const end = outcome === 'done'
    ? `${seconds.toFixed(1)} s, ${rate} flights/s`
    : `Stopped before the end. The next start on ${location} goes on from here${location.startsWith('memory:') ? ', within this process: its memory ends with it' : ''}.`;
  return `\n${pc.bold(title)}\n\n${ranking.length === 0 ? '' : `${table(ranking)}\n\n`}${pc.dim(end)}\n`;
}
