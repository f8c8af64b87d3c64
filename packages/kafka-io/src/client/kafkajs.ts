import { Kafka, logLevel, type Cluster, type KafkaConfig, type SASLOptions } from 'kafkajs';
import { Buffer } from 'node:buffer';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { DEFAULT_CONNECTION_TIMEOUT } from './defaults.js';
import type { ClientOptions } from './types.js';

/**
 * The one file that knows kafkajs (pinned to 2.2.4). It does the sockets, TLS and SASL; framing, requests and time-outs are ours, since
 * its own joins a large answer again for every chunk, copies requests, polls for time-outs and spins a timer when idle.
 */

/** A socket to a broker over which requests may go, once it is authenticated. */
export interface Wire {
  readonly socket: Socket;
  /** For the next request; kafkajs's own requests take from the same numbers. */
  nextCorrelationId(): number;
  /** Gives kafkajs the answer to a request of its own. */
  answer(correlationId: number, payload: Buffer): void;
  /**
   * Does SASL, anew where it was done before (KIP-368).
   * @param versions from ApiVersions: lowest and highest per key
   * @returns ms until it has to be done again; Infinity where there is no end, and where there is no SASL
   */
  authenticate(versions: ReadonlyMap<number, readonly [min: number, max: number]>): Promise<number>;
}

/** Makes {@link Wire}s to the brokers of one cluster. Chunks of data are valid during the call only. */
export type Dial = (address: { readonly host: string; readonly port: number }, onData: (chunk: Buffer) => void, onSocket: (socket: Socket) => void) => Promise<Wire>;

/** What is used of kafkajs's `network/connection.js`, which has no types. */
interface KafkajsConnection {
  readonly socket: Socket;
  readonly requestQueue: {
    readonly pending: readonly unknown[];
    scheduleCheckPendingRequests(): void;
    fulfillRequest(answer: { size: number; correlationId: number; payload: Buffer }): void;
  };
  readonly sessionLifetime: { toString(): string };
  authenticatedAt: unknown;
  processData(chunk: Buffer): void;
  connect(): Promise<unknown>;
  authenticate(): Promise<void>;
  nextCorrelationId(): number;
  setVersions(versions: Record<number, { minVersion: number; maxVersion: number }>): void;
  setSupportAuthenticationProtocol(supported: boolean): void;
}

interface KafkajsCluster {
  readonly connectionPoolBuilder: { build(address: { host: string; port: number }): Promise<{ readonly pool: readonly [KafkajsConnection] }> };
}

export function kafkajsDial(options: ClientOptions): Dial {
  const { connectionPoolBuilder } = clusterOf(options);
  return async ({ host, port }, onData, onSocket) => {
    const { pool } = await connectionPoolBuilder.build({ host, port });
    const [connection] = pool;
    const queue = connection.requestQueue;
    const schedule = queue.scheduleCheckPendingRequests.bind(queue);
    queue.scheduleCheckPendingRequests = () => {
      if (queue.pending.length > 0) schedule(); // without anything to check it would wake up again each millisecond for ever
    };
    connection.processData = onData;
    connection.setSupportAuthenticationProtocol(true);
    const connected = connection.connect();
    onSocket(connection.socket);
    await connected;
    return {
      socket: connection.socket,
      nextCorrelationId: () => connection.nextCorrelationId(),
      answer: (correlationId, payload) => queue.fulfillRequest({ size: payload.length, correlationId, payload }),
      async authenticate(versions) {
        connection.setVersions(Object.fromEntries([...versions].map(([key, [minVersion, maxVersion]]) => [key, { minVersion, maxVersion }])));
        connection.authenticatedAt = null;
        await connection.authenticate();
        return Number(connection.sessionLifetime.toString()) || Infinity;
      },
    };
  };
}

/** The cluster is handed to assigners of partitions by a documented hook, before anything connects; the consumer is not used. */
function clusterOf(options: ClientOptions): KafkajsCluster {
  const { brokers, clientId, tls, sasl, connectionTimeout = DEFAULT_CONNECTION_TIMEOUT, logger } = options;
  const config: KafkaConfig = {
    brokers: [...brokers],
    clientId,
    connectionTimeout,
    enforceRequestTimeout: false, // one timer for the whole of connecting stands in connection.ts
    socketFactory: ({ host, port, ssl, onConnect }) => openSocket(host, port, ssl, onConnect),
    logLevel: logger === undefined ? logLevel.NOTHING : logLevel.DEBUG,
    // The message alone: what stands beside it may be bytes of an authentication.
    logCreator: () => ({ namespace, log }) => logger?.debug({ component: `kafkajs ${namespace}`, broker: log['broker'] as unknown }, log.message),
    ...(tls === undefined || tls === false ? {} : { ssl: tls }),
    ...(sasl === undefined ? {} : { sasl: sasl as SASLOptions }),
  };
  let captured: Cluster | undefined;
  new Kafka(config).consumer({
    groupId: clientId,
    partitionAssigners: [
      ({ cluster }) => {
        captured = cluster;
        return { name: 'none', version: 0, assign: () => Promise.resolve([]), protocol: () => ({ name: 'none', metadata: Buffer.alloc(0) }) };
      },
    ],
  });
  return captured as unknown as KafkajsCluster;
}

/** Bytes taken from a socket at a time. */
const READ_SIZE = 64 * 1024;

/** Without Nagle's algorithm, which would hold the last packet of a request back until the one before was confirmed. */
function openSocket(host: string, port: number, tls: ConnectionOptions | boolean | null | undefined, onConnect: () => void): Socket {
  const socket = tls == null || tls === false ? openPlain(host, port, onConnect) : connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...(tls === true ? {} : tls) }, onConnect);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, 30_000);
  return socket;
}

/** Reads into one buffer over and over, which saves a third of the time of reading; `Frames` copies what it keeps. */
function openPlain(host: string, port: number, onConnect: () => void): Socket {
  const onread = {
    buffer: Buffer.allocUnsafeSlow(READ_SIZE),
    callback: (length: number, buffer: Uint8Array) => {
      socket.emit('data', buffer.subarray(0, length));
      return true;
    },
  };
  const socket: Socket = connect({ host, port, onread }, onConnect);
  return socket;
}
