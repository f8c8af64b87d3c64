import { spawn } from 'node:child_process';

/** How a command ended. */
export interface Ended {
  /** Exit code; 128 where a signal ended it, 127 where the command is not there. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end and gives what it printed; never rejects. `input` goes to its standard input, `signal` kills it. */
export function run(command: string, args: readonly string[], options: { readonly input?: string | undefined; readonly signal?: AbortSignal | undefined } = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: 'pipe', signal: options.signal });
    let stdout = '', stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', (error) => resolve({ code: 127, stdout, stderr: `${stderr}${error.message}` }));
    child.on('close', (code) => resolve({ code: code ?? 128, stdout, stderr }));
    // A command may end without having read what it was given; its exit code tells how it went.
    child.stdin.on('error', () => undefined).end(options.input);
  });
}
