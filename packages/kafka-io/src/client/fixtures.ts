import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Frames } from './protocol/frames.js';
import { Reader } from './protocol/reader.js';
import { Writer } from './protocol/writer.js';
import { KafkaClient } from './client.js';
import type { ClientOptions, KafkaRequest } from './types.js';

/** A request as a {@link FakeBroker} got it. */
export interface Received {
  readonly api: number;
  readonly body: Reader;
  readonly socket: Socket;
  /** Number of the connection, from 1. */
  readonly connection: number;
  /** Sends what `write` writes as the answer. */
  readonly answer: (write?: (writer: Writer) => void) => void;
  /** The answer's bytes, for tests that send them in a way of their own. */
  readonly encode: (write?: (writer: Writer) => void) => Buffer;
}

/** Speaks enough of Kafka that a client connects and takes it for a cluster of one; all else is up to the test. */
export class FakeBroker {
  connections = 0;
  readonly sockets = new Set<Socket>();
  private readonly server: Server;

  constructor(private readonly receive: (request: Received) => void | boolean) {
    this.server = createServer({ noDelay: true }, (socket) => this.serve(socket));
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async listen(port = 0): Promise<this> {
    this.server.listen(port, '127.0.0.1');
    await once(this.server, 'listening');
    return this;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    if (this.server.listening) await new Promise((resolve) => this.server.close(resolve));
  }

  private serve(socket: Socket): void {
    const connection = ++this.connections;
    this.sockets.add(socket);
    socket.on('error', () => {}).on('close', () => this.sockets.delete(socket));
    const frames: Frames = new Frames((frame) => {
      const body = new Reader(frame);
      const api = body.int16();
      body.int16();
      const correlationId = body.int32();
      body.string();
      const encode = (write: (writer: Writer) => void = () => {}): Buffer => {
        const writer = new Writer().int32(correlationId);
        write(writer);
        return Buffer.concat(writer.frame());
      };
      const answer = (write?: (writer: Writer) => void): void => void socket.write(encode(write));
      if (this.receive({ api, body, socket, connection, answer, encode }) === true) return;
      if (api === API_VERSIONS) answer((writer) => writer.int16(0).array([...Array(70).keys()], (key) => writer.int16(key).int16(0).int16(20)).int32(0));
      if (api === METADATA) answer((writer) => this.describe(writer));
    });
    socket.on('data', (chunk) => frames.push(chunk));
  }

  /** One broker, itself; no topics. */
  private describe(writer: Writer): void {
    writer.tags(); // of the header
    writer.int32(0).compactArray([this.port], (port) => writer.int32(1).compactString('127.0.0.1').int32(port).compactNullableString(null).tags());
    writer.compactNullableString('fake').int32(1).compactArray([], () => {}).int32(0).tags();
  }
}

export const API_VERSIONS = 18;
export const METADATA = 3;
/** The number that {@link echo} goes by. */
export const ECHO = 60;

/** A request whose answer is the number that was sent, and `size` bytes. */
export function echo(value: number, size = 0): KafkaRequest<{ value: number; bytes: Buffer }> {
  return {
    api: { key: ECHO, name: 'Echo', version: 1 },
    encode: (writer) => void writer.int32(value).int32(size),
    decode: (reader) => ({ value: reader.int32(), bytes: reader.bytes() }),
  };
}

export function answerEcho({ body, answer }: Received): void {
  const value = body.int32();
  const bytes = Buffer.alloc(body.int32(), value);
  answer((writer) => writer.int32(value).bytes(bytes));
}

export function connectTo(broker: FakeBroker, options: Partial<ClientOptions> = {}): Promise<KafkaClient> {
  return KafkaClient.connect({ brokers: [broker.address], clientId: 'test', ...options });
}
