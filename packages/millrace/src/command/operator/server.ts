import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MillraceError } from '@millrace/core';
import type { Health, HealthOfRun } from './health.js';

/** Where to listen. Without a host: on every address, as a container is probed from outside. */
export interface Address {
  readonly host?: string;
  readonly port: number;
}

/** `8080`, `127.0.0.1:8080`, `[::1]:8080`. @throws MillraceError `MILLRACE_COMMAND_INVALID` */
export function addressOf(text: string): Address {
  const [, host, digits] = /^(?:\[?([^\]]+?)\]?:)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65_535) throw new MillraceError('MILLRACE_COMMAND_INVALID', `--http ${text}: must be port or host:port`);
  return host === undefined ? { port } : { host, port };
}

/** The HTTP endpoint of a process that runs replicas. */
export interface Endpoint {
  readonly url: string;
  close(): Promise<void>;
}

/** What `/metrics` says: a text in the format of Prometheus. */
export type Metrics = () => Promise<{ readonly contentType: string; readonly text: string }>;

/**
 * Answers `/health/live`, `/health/ready` and `/metrics`.
 * @throws MillraceError `MILLRACE_ADDRESS_IN_USE`
 */
export async function serve(address: Address, health: HealthOfRun, metrics: Metrics): Promise<Endpoint> {
  const server = createServer(({ method, url = '' }, response) => {
    const path = url.replace(/\?.*$/, '');
    if (method !== 'GET' && method !== 'HEAD') plain(response.setHeader('allow', 'GET, HEAD'), 405, 'method not allowed');
    else if (path === '/health/live') answer(response, health.live());
    else if (path === '/health/ready') answer(response, health.ready());
    else if (path === '/metrics') void metrics().then(({ contentType, text }) => response.writeHead(200, { 'content-type': contentType }).end(text), (error: unknown) => plain(response, 500, String(error)));
    else plain(response, 404, 'there are /health/live, /health/ready and /metrics');
  });
  await listen(server, address);
  const { address: host, family, port } = server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${host}]` : host}:${port}`,
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}

async function listen(server: Server, { host, port }: Address): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, ...(host === undefined ? {} : { host }) }, resolve);
    });
  } catch (cause) {
    const where = host === undefined ? `port ${port}` : `${host}:${port}`;
    const taken = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE';
    throw new MillraceError('MILLRACE_ADDRESS_IN_USE', taken ? `${where} is taken by another process; give another one with --http, or --http off` : `${where} cannot be listened on: ${(cause as Error).message}`, { cause });
  }
}

function answer(response: ServerResponse, { ok, ...rest }: Health): void {
  response.writeHead(ok ? 200 : 503, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(`${JSON.stringify({ ok, ...rest })}\n`);
}

function plain(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
}
