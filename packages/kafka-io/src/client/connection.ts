import type { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { KafkaError, type KafkaErrorPlace } from './error.js';
import type { Dial, Wire } from './kafkajs.js';
import { Frames } from './protocol/frames.js';
import { Reader } from './protocol/reader.js';
import { Writer } from './protocol/writer.js';
import { apiVersions, type ApiVersions } from './requests/api-versions.js';
import { tlsFailure, tlsRemedy } from './tls-failure.js';
import type { KafkaRequest } from './types.js';

/** A request on its way, and whom to tell. */
export interface Call<T = unknown> {
  readonly request: KafkaRequest<T>;
  resolve(answer: T): void;
  reject(error: KafkaError): void;
}

export interface ConnectionSettings {
  readonly clientId: string;
  /** Ms until the connection is authenticated. */
  readonly connectionTimeout: number;
  /** `User:alice`, where SASL names one. */
  readonly principal?: string | undefined;
}

/**
 * One authenticated connection: writes requests, gives each answer to its call. Once it is lost every call under way is rejected,
 * and it is not used again.
 */
export class Connection {
  /** Resolves when the socket is closed, with why. */
  readonly closed: Promise<KafkaError>;
  private readonly calls = new Map<number, Call>();
  private readonly frames = new Frames((frame) => this.answer(frame));
  private wire: Wire | undefined;
  private socket: Socket | undefined;
  private versions: ApiVersions = new Map();
  private corked = false;
  private lost: KafkaError | undefined;
  /** What the socket complained of. */
  private trouble: Error | undefined;
  private settle: (error: KafkaError) => void = () => {};
  private expires = Infinity;
  private onIdle: (() => void) | undefined;
  private answered = 0;

  constructor(
    readonly address: { readonly host: string; readonly port: number },
    private readonly settings: ConnectionSettings,
  ) {
    this.closed = new Promise((resolve) => (this.settle = resolve));
  }

  /** `host:port`. */
  get broker(): string {
    return `${this.address.host}:${this.address.port}`;
  }

  /** Bytes received so far. */
  get bytesRead(): number {
    return this.socket?.bytesRead ?? 0;
  }

  /** Nothing can be sent any more. */
  get gone(): boolean {
    return this.lost !== undefined;
  }

  /** The broker wants to see credentials again: {@link authenticate} comes before the next request. */
  get expired(): boolean {
    return performance.now() > this.expires;
  }

  /** @throws KafkaError */
  async open(dial: Dial): Promise<void> {
    const { connectionTimeout } = this.settings;
    const timer = setTimeout(() => this.destroy(new KafkaError('timeout', `no connection within ${connectionTimeout} ms`, this.place())), connectionTimeout);
    try {
      await this.orLost(this.greet(dial));
    } finally {
      clearTimeout(timer);
    }
  }

  /** Does SASL again once all that is under way was answered. Nothing may be sent meanwhile. */
  async authenticate(): Promise<void> {
    if (this.calls.size > 0) await this.orLost(new Promise<void>((resolve) => (this.onIdle = resolve)));
    await this.orLost(this.login());
  }

  /** Writes a request. Requests of one turn of the event loop go out in one system call. */
  write(call: Call): void {
    const { wire } = this;
    if (this.lost !== undefined || wire === undefined) {
      call.reject(this.lost ?? new KafkaError('connection', 'not connected', this.place(call)));
      return;
    }
    const { api } = call.request;
    const known = this.versions.get(api.key);
    if (known === undefined || api.version < known[0] || api.version > known[1]) {
      const speaks = known === undefined ? 'does not know it' : `speaks ${known[0]} to ${known[1]}`;
      call.reject(new KafkaError('unsupported', `version ${api.version} of ${api.name} is needed, the broker ${speaks}`, this.place(call)));
      return;
    }
    const correlationId = wire.nextCorrelationId();
    let parts;
    try {
      parts = this.encode(call.request, correlationId);
    } catch (error) {
      call.reject(new KafkaError('malformed', `the request cannot be written: ${(error as Error).message}`, { ...this.place(call), cause: error }));
      return;
    }
    this.calls.set(correlationId, call);
    if (!this.corked) {
      this.corked = true;
      wire.socket.cork();
      // Not by `nextTick`, which comes after whatever else is waiting to go on.
      queueMicrotask(() => {
        this.corked = false;
        wire.socket.uncork();
      });
    }
    for (const part of parts) wire.socket.write(part);
  }

  /** Whether a call was written and is not answered. */
  has(call: Call): boolean {
    return [...this.calls.values()].includes(call);
  }

  /** Closes the socket at once and rejects all that is under way. */
  destroy(why: KafkaError): void {
    if (this.lost !== undefined) return;
    this.lost = why;
    if (this.socket === undefined) this.settle(why);
    else this.socket.destroy(why); // with an error kafkajs lets go of its timer, too
    const calls = [...this.calls.values()];
    this.calls.clear();
    for (const call of calls) call.reject(why.at({ api: call.request.api.name }));
  }

  private async greet(dial: Dial): Promise<void> {
    const wire = await dial(this.address, (chunk) => this.receive(chunk), (socket) => this.watch(socket)).catch((error: unknown) => {
      throw this.lost ?? this.failure(this.trouble ?? error);
    });
    this.wire = wire;
    this.versions = new Map([[apiVersions.api.key, [apiVersions.api.version, apiVersions.api.version]]]);
    this.versions = await new Promise<ApiVersions>((resolve, reject) => this.write({ request: apiVersions, resolve: (answer) => resolve(answer as ApiVersions), reject }));
    await this.login();
  }

  private async login(): Promise<void> {
    const lifetime = await this.wire?.authenticate(this.versions).catch((error: unknown) => {
      const { name, message } = error as Error;
      if (/Connection/.test(name)) throw this.lost ?? this.failure(this.trouble);
      throw new KafkaError('authentication', `${message}; look at KAFKA_SASL_MECHANISM, KAFKA_USERNAME and KAFKA_PASSWORD`, { ...this.place(), principal: this.settings.principal, cause: error });
    });
    this.expires = performance.now() + 0.8 * (lifetime ?? Infinity);
  }

  /** What is under way when the connection goes will never settle by itself: kafkajs is told of an end, not of a destruction. */
  private async orLost<T>(work: Promise<T>): Promise<T> {
    try {
      return await Promise.race([work, this.closed.then((why) => Promise.reject<T>(why))]);
    } catch (error) {
      const why = error instanceof KafkaError ? error : this.failure(error);
      this.destroy(why);
      throw why;
    }
  }

  private watch(socket: Socket): void {
    this.socket = socket;
    socket.on('error', (error) => (this.trouble = error));
    socket.on('close', () => {
      this.destroy(this.failure(this.trouble));
      this.settle(this.lost as KafkaError);
    });
    if (this.lost !== undefined) socket.destroy(this.lost);
  }

  private failure(cause: unknown): KafkaError {
    const { code, message } = (cause ?? {}) as { code?: string; message?: string };
    const remedy = cause === undefined ? undefined : tlsRemedy(cause);
    const wayOut = remedy === undefined ? '' : `; ${remedy}`;
    if (code !== undefined && /^EPROTO$|TLS|SSL|CERT|SIGNATURE/.test(code)) return new KafkaError('authentication', `TLS failed: ${tlsFailure(cause)}${wayOut}`, { ...this.place(), cause });
    const [when, why] = this.answered <= 1 ? [' before it answered a request', '; its listener may want TLS (kafkas://) or SASL (KAFKA_SASL_MECHANISM), or a certificate of this client (KAFKA_SSL_CERT)'] : ['', ''];
    const text = cause === undefined ? `the broker closed the connection${when}${why}` : this.wire === undefined ? `no connection: ${message}${wayOut}` : `the connection broke${when}: ${message}${why}`;
    return new KafkaError('connection', text, { ...this.place(), cause });
  }

  private encode(request: KafkaRequest<unknown>, correlationId: number): Uint8Array[] {
    const { api } = request;
    const writer = new Writer();
    writer.int16(api.key).int16(api.version).int32(correlationId).string(this.settings.clientId);
    if (api.flexible === true) writer.tags();
    request.encode(writer);
    if (api.flexible === true) writer.tags();
    return writer.frame();
  }

  private receive(chunk: Buffer): void {
    try {
      this.frames.push(chunk);
    } catch (error) {
      this.destroy(new KafkaError('malformed', (error as Error).message, { ...this.place(), cause: error }));
    }
  }

  private answer(frame: Buffer): void {
    const correlationId = frame.readInt32BE(0);
    const call = this.calls.get(correlationId);
    if (call === undefined) {
      this.wire?.answer(correlationId, frame.subarray(4));
      return;
    }
    this.answered++;
    this.calls.delete(correlationId);
    this.decode(call, new Reader(frame, 4));
    if (this.calls.size === 0) {
      this.onIdle?.();
      this.onIdle = undefined;
    }
  }

  private decode(call: Call, reader: Reader): void {
    const { request } = call;
    let answer;
    try {
      if (request.api.flexible === true) reader.tags();
      answer = request.decode(reader);
      if (request.api.flexible === true) reader.tags();
      if (reader.remaining > 0) throw new RangeError(`${reader.remaining} bytes are left over`);
    } catch (error) {
      const place = { ...this.place(), api: request.api.name, principal: this.settings.principal };
      call.reject(error instanceof KafkaError ? error.at(place) : new KafkaError('malformed', `an answer cannot be read: ${(error as Error).message}`, { ...place, cause: error }));
      return;
    }
    call.resolve(answer);
  }

  private place(call?: Call): KafkaErrorPlace {
    return { broker: this.broker, api: call?.request.api.name };
  }
}
