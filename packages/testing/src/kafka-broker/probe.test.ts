import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { freePorts } from './ports.js';
import { askForBrokers } from './probe.js';

/** An answer to Metadata, version 7, with a rack and without, and more behind it. */
const ANSWER = Buffer.concat([
  Buffer.from([0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2]),
  Buffer.from([0, 0, 0, 1, 0, 1]), Buffer.from('a'), Buffer.from([0, 0, 0x23, 0x84, 0xff, 0xff]),
  Buffer.from([0, 0, 0, 2, 0, 2]), Buffer.from('bb'), Buffer.from([0, 0, 0x23, 0x85, 0, 1]), Buffer.from('r'),
  Buffer.from('the rest'),
]);

/** Answers once the whole request is there, in the given pieces; no pieces: never. */
async function broker(pieces: readonly Buffer[], hangUp = false) {
  const requests: Buffer[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => undefined).on('data', (bytes) => {
      requests.push(Buffer.from(bytes));
      for (const piece of pieces) socket.write(piece);
      if (hangUp) socket.end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, requests, close: () => new Promise((resolve) => server.close(resolve)) };
}

it('asks for no topics and reads the brokers, in whatever pieces they come', async () => {
  const size = Buffer.alloc(4);
  size.writeInt32BE(ANSWER.length);
  const fake = await broker([size.subarray(0, 2), size.subarray(2), ANSWER.subarray(0, 9), ANSWER.subarray(9)]);
  expect(await askForBrokers(fake.port)).toEqual([{ node: 1, host: 'a', port: 9092 }, { node: 2, host: 'bb', port: 9093 }]);
  expect(Buffer.concat(fake.requests).toString('hex')).toBe('0000000f00030007' + '00000001' + 'ffff' + '00000000' + '00');
  await fake.close();
});

it('rejects where nobody listens, nobody answers, or the connection ends', async () => {
  const [nobody] = (await freePorts(1)) as [number];
  await expect(askForBrokers(nobody)).rejects.toThrow('ECONNREFUSED');
  const silent = await broker([]), rude = await broker([Buffer.from([0, 0])], true);
  await expect(askForBrokers(silent.port, 50)).rejects.toThrow('did not answer within 50 ms');
  await expect(askForBrokers(rude.port)).rejects.toThrow('closed the connection');
  await silent.close();
  await rude.close();
});

it('free ports differ, and lie where no outgoing connection takes them', async () => {
  const ports = await freePorts(20);
  expect(new Set(ports).size).toBe(20);
  expect(ports.every((port) => port >= 15_000 && port < 32_000)).toBe(true);
});
