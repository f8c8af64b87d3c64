import { createServer } from 'node:net';

/** Below what Linux, macOS and Windows give to outgoing connections, so that none of these takes the port of a killed broker. */
const FIRST = 15_000, LAST = 32_000;

/**
 * Ports of 127.0.0.1 that nobody listens on. Chosen at random, so that processes which choose at the same moment hardly meet; a
 * broker that finds its port taken all the same is started on others.
 */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
