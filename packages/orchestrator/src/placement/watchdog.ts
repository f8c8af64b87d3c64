import { Worker } from 'node:worker_threads';

const LOOK_MS = 1_000;

/**
 * Ends this process some time after its parent is gone, also where its own event loop is blocked and cannot hear of that. A
 * thread of its own, since nothing else runs then.
 * @param grace ms that the process gets to end by itself
 */
export function watchParent(grace: number): void {
  const program = `
    const parent = ${process.ppid};
    let since = 0;
    setInterval(() => {
      if (process.ppid === parent) return;
      since ||= Date.now();
      if (Date.now() - since > ${grace}) process.kill(process.pid, 'SIGKILL');
    }, ${LOOK_MS});`;
  new Worker(program, { eval: true, execArgv: [], env: {}, stdout: false, stderr: false }).unref();
}
