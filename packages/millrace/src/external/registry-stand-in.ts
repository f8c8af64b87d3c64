import { avro, incompatibilities, parseWriterSchema } from '@millrace/core';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * A schema registry in memory, as far as Confluent's API goes for reading and registering Avro: lookups, ids, versions, and the
 * rule that a new version reads what the latest one wrote.
 *
 * @see https://docs.confluent.io/platform/current/schema-registry/develop/api.html
 */
export class RegistryStandIn {
  readonly #schemas: string[] = [];
  readonly #subjects = new Map<string, number[]>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
        const [status, body] = this.#answer(request.method ?? '', decodeURIComponent(request.url ?? ''), Buffer.concat(chunks).toString());
        response.writeHead(status, { 'content-type': 'application/vnd.schemaregistry.v1+json' }).end(JSON.stringify(body));
      });
    });
  }

  static async start(): Promise<RegistryStandIn> {
    const registry = new RegistryStandIn();
    await new Promise<void>((resolve) => registry.#server.listen(0, '127.0.0.1', resolve));
    return registry;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(method: string, path: string, body: string): readonly [status: number, body: unknown] {
    const id = /^\/schemas\/ids\/(\d+)$/.exec(path)?.[1];
    if (method === 'GET' && id !== undefined) {
      const schema = this.#schemas[Number(id) - 1];
      return schema === undefined ? [404, { error_code: 40403, message: 'Schema not found' }] : [200, { schema }];
    }
    const [, subject, versions] = /^\/subjects\/([^/]+)(\/versions)?$/.exec(path) ?? [];
    if (method !== 'POST' || subject === undefined) return [404, { error_code: 404, message: 'HTTP 404 Not Found' }];
    const { schema } = JSON.parse(body) as { readonly schema: string };
    const ids = this.#subjects.get(subject) ?? [];
    const known = ids.find((each) => this.#schemas[each - 1] === schema);
    if (known !== undefined) return [200, versions === undefined ? { subject, id: known, version: ids.indexOf(known) + 1, schema } : { id: known }];
    if (versions === undefined) return [404, ids.length === 0 ? { error_code: 40401, message: `Subject '${subject}' not found.` } : { error_code: 40403, message: 'Schema not found' }];
    const latest = ids.at(-1);
    const differences = latest === undefined ? [] : incompatibilities(parseWriterSchema('avro', this.#schemas[latest - 1] ?? ''), avro(schema));
    if (differences.length > 0) return [409, { error_code: 409, message: `Schema being registered is incompatible with an earlier schema for subject "${subject}", details: ${differences.join('; ')}` }];
    if (!this.#schemas.includes(schema)) this.#schemas.push(schema);
    const added = this.#schemas.indexOf(schema) + 1;
    this.#subjects.set(subject, [...ids, added]);
    return [200, { id: added }];
  }
}
