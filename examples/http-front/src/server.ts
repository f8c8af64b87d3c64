import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Desk } from './desk.js';
import { wish } from './records.js';

const MOST_BYTES = 10_000;

/** `POST /quotes` with an item and a quantity: 200 with the quote when it is there, or 503 at once where too many wait. */
export function createFront(desk: Desk): Server {
  const server = createServer((request, response) => {
    handle(desk, request, response).catch(() => response.destroy());
  });
  // What is not at the desk yet is bounded too: each of these reads a body of at most MOST_BYTES.
  server.maxConnections = 1_000;
  return server;
}

async function handle(desk: Desk, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'POST' || request.url !== '/quotes') return send(response, 404, { error: 'there is POST /quotes' });
  const body = await read(request);
  if (body === undefined) return send(response, 413, { error: `more than ${MOST_BYTES} bytes` });
  const asked = wish.safeParse(json(body));
  if (!asked.success) return send(response, 400, { error: asked.error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`).join('; ') });
  const quote = desk.ask(asked.data);
  if (quote === undefined) return send(response.setHeader('retry-after', '1'), 503, { error: 'too many wait; try again' });
  send(response, 200, await quote);
}

async function read(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MOST_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
