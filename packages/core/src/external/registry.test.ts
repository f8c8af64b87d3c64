import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { MAX_SCHEMA_BYTES } from '../codec/index.js';
import { SchemaRegistry } from './registry.js';

let server: Server;
let address: string;
let answers: (readonly [status: number, body: unknown])[];
let requests: Pick<IncomingMessage, 'method' | 'url' | 'headers'>[];

beforeEach(async () => {
  answers = [];
  requests = [];
  server = createServer((request, response) => {
    requests.push(request);
    const [status, body] = answers.shift() ?? [500, { message: 'more was asked than is foreseen' }];
    request.resume().on('end', () => response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

it('gives schemas by id, under the path of the API', async () => {
  answers.push([200, { schema: '"string"' }]);
  expect(await new SchemaRegistry(`${address}/apis/v7/`).schema('7')).toMatchObject({ format: 'avro', schema: '"string"' });
  expect(requests[0]).toMatchObject({ method: 'GET', url: '/apis/v7/schemas/ids/7' });
  expect(requests[0]?.headers.authorization).toBeUndefined();
});

it('is asked again while it is busy', async () => {
  answers.push([503, 'busy'], [429, {}], [200, { schema: '"int"' }]);
  expect(await new SchemaRegistry(address).schema('1')).toMatchObject({ schema: '"int"' });
  expect(requests).toHaveLength(3);
});

it('is not asked to register what it knows', async () => {
  answers.push([200, { id: 3, subject: 's', version: 1 }]);
  expect(await new SchemaRegistry(address).register('a b-value', '"int"')).toBe(3);
  expect(requests.map(({ method, url }) => `${method} ${url}`)).toEqual(['POST /subjects/a%20b-value']);
});

it('says why it refuses', async () => {
  const registry = new SchemaRegistry(address);
  answers.push([404, { error_code: 40401 }], [409, { error_code: 409, message: 'NAME_MISMATCH' }]);
  await expect(registry.register('s', '"int"')).rejects.toMatchObject({ code: 'MILLRACE_SCHEMA_INCOMPATIBLE', message: expect.stringMatching(/the subject s of .*: NAME_MISMATCH$/) as string });
  answers.push([404, { error_code: 40401 }], [422, { error_code: 42201, message: 'bad' }]);
  await expect(registry.register('s', '"int"')).rejects.toMatchObject({ code: 'MILLRACE_SCHEMA_INVALID' });
  answers.push([404, { error_code: 40403, message: 'Schema not found' }]);
  await expect(registry.schema('9')).rejects.toMatchObject({ code: 'MILLRACE_SCHEMA_UNKNOWN' });
  answers.push([301, '']);
  await expect(registry.schema('9')).rejects.toMatchObject({ code: 'MILLRACE_REGISTRY_FAILED' });
});

it('takes credentials from the environment, which no message shows', async () => {
  vi.stubEnv('SCHEMA_REGISTRY_USERNAME', 'ann');
  vi.stubEnv('SCHEMA_REGISTRY_PASSWORD', 'secret');
  answers.push([401, { message: 'Unauthorized' }]);
  const error = await new SchemaRegistry(address).schema('1').catch((thrown: unknown) => thrown as Error);
  expect(requests[0]?.headers.authorization).toBe(`Basic ${Buffer.from('ann:secret').toString('base64')}`);
  expect(error).toMatchObject({ code: 'MILLRACE_REGISTRY_FAILED', message: expect.stringContaining('answers 401: Unauthorized; SCHEMA_REGISTRY_USERNAME') as string });
  expect(String(error)).not.toMatch(/secret|ann/);
});

it('is not trusted', async () => {
  const registry = new SchemaRegistry(address);
  answers.push([200, { schema: `"${'x'.repeat(4 * MAX_SCHEMA_BYTES)}"` }]);
  await expect(registry.schema('1')).rejects.toMatchObject({ code: 'MILLRACE_REGISTRY_FAILED', message: expect.stringContaining('more than') as string });
  for (const body of [{}, { schema: 5 }, { schema: '{"type":' }, { schema: '{}', schemaType: 'PROTOBUF' }, { schema: '"int"', references: [{ name: 'a' }] }]) {
    answers.push([200, body]);
    await expect(registry.schema('1')).rejects.toMatchObject({ code: 'MILLRACE_SCHEMA_INVALID' });
  }
  for (const id of [undefined, -1, 1.5, '7', 2 ** 32]) {
    answers.push([200, { id }]);
    await expect(registry.register('s', '"int"')).rejects.toMatchObject({ code: 'MILLRACE_REGISTRY_FAILED' });
  }
});

it('that cannot be reached is given up after some attempts', async () => {
  const closed = address;
  await new Promise((resolve) => server.close(resolve));
  await expect(new SchemaRegistry(closed).schema('1')).rejects.toMatchObject({ code: 'MILLRACE_REGISTRY_FAILED', retriable: true, message: expect.stringMatching(/cannot be reached, tried 4 times: .*ECONNREFUSED/) as string });
});
