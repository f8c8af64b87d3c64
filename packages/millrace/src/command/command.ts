import 'reflect-metadata';
import '../backends.js';
import { CommanderError } from 'commander';
import { EXIT, reportError } from './failure.js';
import { createProgram } from './program.js';
import type { Streams } from './terminal.js';

/**
 * The `millrace` command.
 * @param args what follows the name of the command
 * @returns the exit code: 0, that of a run, 1 where something failed, 2 where the command line was not understood
 */
export async function command(args: readonly string[], streams: Streams): Promise<number> {
  let code: number = EXIT.done;
  const program = createProgram(streams, (exitCode) => (code = exitCode));
  try {
    await program.parseAsync([...args], { from: 'user' });
    return code;
  } catch (error) {
    // Commander has said what is wrong; help and version end that way too.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.misused;
    reportError(error, streams.err, args.includes('--verbose'));
    return EXIT.failed;
  }
}
