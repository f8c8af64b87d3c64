import 'reflect-metadata';
import '../backends.js';
import { CommanderError } from 'commander';
import { EXIT, tellFailure, type FailureFlags } from './failure.js';
import { createProgram } from './program.js';
import type { Streams } from './terminal.js';

/**
 * The `millrace` command.
 * @param args what follows the name of the command
 * @returns the exit code: 0, that of a run, 1 where something failed, 2 where the command line was not understood
 */
export async function command(args: readonly string[], streams: Streams): Promise<number> {
  let code: number = EXIT.done;
  let flags: FailureFlags = {};
  const program = createProgram(streams, (exitCode) => (code = exitCode)).hook('preAction', (_program, called) => void (flags = called.opts()));
  try {
    await program.parseAsync([...args], { from: 'user' });
    return code;
  } catch (error) {
    // Commander has said what is wrong; help and version end that way too.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.misused;
    tellFailure(error, streams.err, EXIT.failed, flags);
    return EXIT.failed;
  }
}
