import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Measured } from '../../harness/race.js';
import type { Job } from './job.js';

/** How the program of a peer is run. */
export interface NodePeerOptions {
  /** The Node.js that runs it. Default: this one. */
  readonly execPath?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly args?: readonly string[];
}

/** A program in a process of its own, which lives until it is closed, so that its code stays compiled from job to job. */
export class NodePeer {
  readonly #child: ChildProcess;

  constructor(program: URL, { execPath = process.execPath, env = process.env, args = [] }: NodePeerOptions = {}) {
    this.#child = fork(fileURLToPath(program), args, { execPath, env });
  }

  run(job: Job): Promise<Measured> {
    const child = this.#child;
    return new Promise((resolve, reject) => {
      const exited = (code: number | null): void => reject(new Error(`it ended with exit code ${code}`));
      child.once('exit', exited);
      child.once('message', (answer) => {
        child.off('exit', exited);
        const result = answer as Measured | { readonly error: string };
        if ('error' in result) reject(new Error(result.error));
        else resolve(result);
      });
      child.send(job, (error) => error !== null && reject(error));
    });
  }

  close(): void {
    if (this.#child.connected) this.#child.disconnect();
    this.#child.kill();
  }
}
