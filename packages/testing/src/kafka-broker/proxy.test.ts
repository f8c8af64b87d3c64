import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { FaultProxy } from './proxy.js';

let server: Server, proxy: FaultProxy;
/** What has reached the server, which sends it back. */
let reached: string;
const sockets = new Set<Socket>();

beforeEach(async () => {
  reached = '';
  server = createServer((socket) => {
    sockets.add(socket);
    socket.setEncoding('utf8').on('error', () => undefined).on('data', (bytes: string) => {
      reached += bytes;
      socket.write(bytes);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  proxy = new FaultProxy((server.address() as AddressInfo).port);
  await proxy.listen();
});

afterEach(async () => {
  proxy.close();
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await new Promise((resolve) => server.close(resolve));
});

/** A client with what came back to it, and how it ended. */
async function join() {
  const socket = connect({ host: '127.0.0.1', port: proxy.port });
  sockets.add(socket);
  const client = { socket, received: '', ended: undefined as string | undefined };
  socket.setEncoding('utf8').on('data', (bytes: string) => (client.received += bytes));
  socket.on('error', (error: NodeJS.ErrnoException) => (client.ended = error.code));
  socket.on('close', () => (client.ended ??= 'closed'));
  await once(socket, 'connect');
  return client;
}

async function says(client: Awaited<ReturnType<typeof join>>, text: string): Promise<void> {
  client.socket.write(text);
  await vi.waitFor(() => expect(client.received).toContain(text));
}

it('passes bytes on, in order and both ways, and the end of a connection', async () => {
  const client = await join();
  const text = Array.from({ length: 200_000 }, (_, i) => i).join();
  client.socket.write(text);
  await vi.waitFor(() => expect(client.received.length).toBe(text.length), { timeout: 10_000 });
  expect(client.received).toBe(text);
  expect(proxy.connections).toBe(1);
  client.socket.destroy();
  await vi.waitFor(() => expect(proxy.connections).toBe(0));
});

it('cut: resets the connections that there are, and takes new ones', async () => {
  const client = await join();
  await says(client, 'before');
  proxy.cut();
  await vi.waitFor(() => expect(client.ended).toBe('ECONNRESET'));
  await says(await join(), 'after');
});

it('refuse: takes no connection until it has healed, at the same port, and lets the others be', async () => {
  const client = await join();
  await says(client, 'before');
  const { port } = proxy;
  proxy.refuse();
  await expect(join()).rejects.toThrow('ECONNREFUSED');
  await says(client, 'meanwhile');
  await proxy.heal();
  expect(proxy.port).toBe(port);
  await says(await join(), 'after');
});

it('swallow: requests arrive and their answers do not; the connection is of no more use', async () => {
  const client = await join(), quiet = await join();
  await says(client, 'heard');
  proxy.swallow('answers');
  client.socket.write('unanswered');
  await vi.waitFor(() => expect(reached).toBe('heardunanswered'));
  await vi.waitFor(() => expect(proxy.swallowed).toBe('unanswered'.length));
  expect(client).toMatchObject({ received: 'heard', ended: undefined });
  await proxy.heal();
  await vi.waitFor(() => expect(client.ended).toBe('ECONNRESET'));
  await says(quiet, 'nothing was lost here');
});

it('swallow: neither way where none is named', async () => {
  const client = await join();
  await says(client, 'heard');
  proxy.swallow();
  client.socket.write('lost');
  await vi.waitFor(() => expect(proxy.swallowed).toBe('lost'.length));
  await proxy.heal();
  await vi.waitFor(() => expect(client.ended).toBe('ECONNRESET'));
  expect(reached).toBe('heard');
});

it('delay: each way takes as long, and what is sent after it is over overtakes nothing', async () => {
  const client = await join();
  proxy.delay(100);
  const start = performance.now();
  client.socket.write('slow');
  await vi.waitFor(() => expect(client.received).toBe('slow'), { interval: 1 });
  expect(performance.now() - start).toBeGreaterThanOrEqual(198);
  const timers = vi.spyOn(globalThis, 'setTimeout');
  client.socket.write('first');
  while (!timers.mock.calls.some(([, ms]) => (ms ?? 0) > 50)) await new Promise((resolve) => setImmediate(resolve));
  proxy.delay(0);
  client.socket.write('second');
  await vi.waitFor(() => expect(reached).toBe('slowfirstsecond'), { interval: 1 });
  expect(performance.now() - start).toBeGreaterThanOrEqual(297);
});

it('a broker that is not there ends what was joined to it', async () => {
  const nobody = new FaultProxy(1);
  await nobody.listen();
  const socket = connect({ host: '127.0.0.1', port: nobody.port });
  await once(socket.on('error', () => undefined), 'close');
  nobody.close();
  expect(nobody.connections).toBe(0);
});
