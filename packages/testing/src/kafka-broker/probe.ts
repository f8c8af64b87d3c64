import { connect } from 'node:net';

/** A broker as another one, or itself, tells of it. */
export interface Seen {
  readonly node: number;
  readonly host: string;
  readonly port: number;
}

const METADATA = 3;
/** The newest version without tagged fields; every broker from 2.1 on answers it. */
const METADATA_VERSION = 7;

/**
 * Asks a broker on this machine for the cluster's brokers by a Metadata request (KIP-4, version 7). A broker answers once it is registered
 * and unfenced.
 *
 * @returns who is there; rejects where nothing answers within `timeout` ms
 */
export function askForBrokers(port: number, timeout = 2_000): Promise<readonly Seen[]> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port });
    let received = Buffer.alloc(0);
    const fail = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    socket.setTimeout(timeout, () => fail(new Error(`127.0.0.1:${port} did not answer within ${timeout} ms.`)));
    socket.on('error', fail);
    socket.on('close', () => reject(new Error(`127.0.0.1:${port} closed the connection.`)));
    socket.on('connect', () => socket.write(metadataRequest()));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 4 || received.length < 4 + received.readInt32BE(0)) return;
      socket.destroy();
      resolve(brokersIn(received));
    });
  });
}

/** Size, header version 1 without a client id, an empty list of topics, no creation of topics. */
function metadataRequest(): Buffer {
  const request = Buffer.alloc(4 + 2 + 2 + 4 + 2 + 4 + 1);
  let at = request.writeInt32BE(request.length - 4, 0);
  at = request.writeInt16BE(METADATA, at);
  at = request.writeInt16BE(METADATA_VERSION, at);
  at = request.writeInt32BE(1, at);
  at = request.writeInt16BE(-1, at);
  at = request.writeInt32BE(0, at);
  request.writeInt8(0, at);
  return request;
}

function brokersIn(answer: Buffer): readonly Seen[] {
  // Size, correlation id and throttle time come first; the rest of the answer after the brokers is not needed.
  let at = 12;
  const string = (): string => {
    const length = answer.readInt16BE(at);
    at += 2;
    if (length < 0) return '';
    at += length;
    return answer.toString('utf8', at - length, at);
  };
  const brokers: Seen[] = [];
  const count = answer.readInt32BE(at);
  at += 4;
  for (let i = 0; i < count; i++) {
    const node = answer.readInt32BE(at);
    at += 4;
    const host = string();
    const port = answer.readInt32BE(at);
    at += 4;
    string(); // its rack
    brokers.push({ node, host, port });
  }
  return brokers;
}
