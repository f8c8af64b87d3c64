import { setTimeout as sleep } from 'node:timers/promises';
import { MAX_SCHEMA_BYTES, parseWriterSchema, type WriterSchema } from '../codec/index.js';
import { MillraceError, toError, type ErrorCode } from '../error/index.js';

/** Ms that one request may take, and pauses before it is tried again. */
const REQUEST_MS = 10_000;
const PAUSES_MS = [100, 500, 2_000] as const;
/** A schema may double within JSON, where each quote is escaped. */
const MAX_ANSWER_BYTES = 4 * MAX_SCHEMA_BYTES;
const MEDIA_TYPE = 'application/vnd.schemaregistry.v1+json';

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * A schema registry, by the HTTP API of Confluent's, which others offer too. Each request is bounded in time, and tried again a
 * few times where the registry may just be busy. Credentials come from the environment, `SCHEMA_REGISTRY_USERNAME` and
 * `SCHEMA_REGISTRY_PASSWORD`, and are shown nowhere.
 *
 * @see https://docs.confluent.io/platform/current/schema-registry/develop/api.html
 */
export class SchemaRegistry {
  readonly #base: string;

  /** @param address as in `registry=`, with the path under which the API is */
  constructor(address: string) {
    this.#base = address.replace(/\/+$/, '');
  }

  /**
   * The schema of an id.
   * @throws MillraceError `MILLRACE_SCHEMA_UNKNOWN`, `MILLRACE_SCHEMA_INVALID`, `MILLRACE_REGISTRY_FAILED`
   */
  async schema(id: string): Promise<WriterSchema> {
    const { status, body } = await this.#ask('GET', `/schemas/ids/${id}`);
    if (status === 404) throw new MillraceError('MILLRACE_SCHEMA_UNKNOWN', `the registry ${this.#base} has no schema ${id}`);
    if (status !== 200) throw this.#refused(`the schema ${id}`, status, body);
    const { schema, schemaType = 'AVRO', references = [] } = body;
    if (schemaType !== 'AVRO') throw new MillraceError('MILLRACE_SCHEMA_INVALID', `the schema ${id} of the registry ${this.#base} is ${String(schemaType).slice(0, 20)}, not Avro`);
    if (typeof schema !== 'string') throw new MillraceError('MILLRACE_SCHEMA_INVALID', `the registry ${this.#base} answers without a schema when it is asked for ${id}`);
    if (Array.isArray(references) && references.length > 0) throw new MillraceError('MILLRACE_SCHEMA_INVALID', `the schema ${id} of the registry ${this.#base} refers to schemas of other subjects, which cannot be read; register it in one piece`);
    return parseWriterSchema('avro', schema);
  }

  /**
   * The id of a schema under a subject; registers it where it is not there yet. A registry that allows reading only is enough for
   * one that is.
   * @throws MillraceError `MILLRACE_SCHEMA_INCOMPATIBLE` where the subject's rules refuse it; `MILLRACE_REGISTRY_FAILED`
   */
  async register(subject: string, schema: string): Promise<number> {
    const path = `/subjects/${encodeURIComponent(subject)}`;
    const known = await this.#ask('POST', path, { schema });
    const { status, body } = known.status === 200 ? known : await this.#ask('POST', `${path}/versions`, { schema });
    if (status === 409) throw new MillraceError('MILLRACE_SCHEMA_INCOMPATIBLE', `the subject ${subject} of the registry ${this.#base} refuses the schema as incompatible: ${messageOf(body)}`);
    if (status !== 200) throw this.#refused(`the subject ${subject}`, status, body);
    const { id } = body;
    if (typeof id === 'number' && Number.isInteger(id) && id >= 0 && id <= 0x7fff_ffff) return id;
    throw new MillraceError('MILLRACE_REGISTRY_FAILED', `the registry ${this.#base} gives no id for the subject ${subject}`);
  }

  async #ask(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Answer> {
    for (let attempt = 0; ; attempt++) {
      const pause = PAUSES_MS[attempt];
      try {
        const answer = await this.#request(method, path, body);
        if (pause === undefined || (answer.status < 500 && answer.status !== 429)) return answer;
      } catch (thrown) {
        if (MillraceError.is(thrown) || pause === undefined) throw MillraceError.is(thrown) ? thrown : this.#unreachable(thrown, attempt + 1);
      }
      await sleep(pause, undefined, { ref: false });
    }
  }

  async #request(method: string, path: string, body: unknown): Promise<Answer> {
    const { SCHEMA_REGISTRY_USERNAME: user, SCHEMA_REGISTRY_PASSWORD: password = '' } = process.env;
    const response = await fetch(`${this.#base}${path}`, {
      method,
      headers: {
        accept: `${MEDIA_TYPE}, application/json`,
        ...(body === undefined ? {} : { 'content-type': MEDIA_TYPE }),
        ...(user === undefined ? {} : { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      // Credentials are for the registry that the location names.
      redirect: 'manual',
      signal: AbortSignal.timeout(REQUEST_MS),
    });
    return { status: response.status, body: objectOf(await this.#read(response)) };
  }

  async #read(response: Response): Promise<string> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size > MAX_ANSWER_BYTES) throw new MillraceError('MILLRACE_REGISTRY_FAILED', `the registry ${this.#base} answers with more than ${MAX_ANSWER_BYTES} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString();
  }

  #refused(what: string, status: number, body: Answer['body']): MillraceError {
    const advice = status === 401 || status === 403 ? '; SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD say who asks' : '';
    const code: ErrorCode = status === 422 ? 'MILLRACE_SCHEMA_INVALID' : 'MILLRACE_REGISTRY_FAILED';
    return new MillraceError(code, `the registry ${this.#base}, asked for ${what}, answers ${status}: ${messageOf(body)}${advice}`);
  }

  #unreachable(thrown: unknown, attempts: number): MillraceError {
    const error = toError(thrown, 'the registry');
    const why = error.name === 'TimeoutError' ? `no answer within ${REQUEST_MS} ms` : error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : error.message;
    return new MillraceError('MILLRACE_REGISTRY_FAILED', `the registry ${this.#base} cannot be reached, tried ${attempts} times: ${why}`, { cause: error, retriable: true });
  }
}

function objectOf(text: string): Answer['body'] {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Answer['body']) : {};
  } catch {
    return { message: text };
  }
}

/** What a registry says, shortened: it is not trusted. */
function messageOf({ message }: Answer['body']): string {
  return typeof message === 'string' && message !== '' ? message.slice(0, 500) : 'without a reason';
}
