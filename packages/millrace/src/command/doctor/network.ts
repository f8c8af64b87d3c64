import { readFileSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { toError } from '@millrace/core';
import { failed, type Finding } from './checks.js';

const PATIENCE_MS = 5_000;
const SOON_DAYS = 14;

/** Each broker that a location names, reached on its own, since a client is content with one of them. */
export async function checkBrokers(location: string): Promise<readonly Finding[]> {
  const [, scheme, list = ''] = /^(kafkas?):\/\/([^/?]+)/.exec(location) ?? [];
  return (await Promise.all(list.split(',').filter((broker) => broker !== '').map(async (broker) => {
    const [, host = broker, port = '9092'] = /^\[?([^\]]+?)\]?(?::(\d+))?$/.exec(broker) ?? [];
    return scheme === 'kafkas' ? await checkTls(host, Number(port)) : [await checkTcp(host, Number(port))];
  }))).flat();
}

async function checkTcp(host: string, port: number): Promise<Finding> {
  const check = `broker ${host}:${port}`;
  const began = performance.now();
  try {
    (await opened(connectTcp({ host, port }), 'connect')).destroy();
    return { check, status: 'ok', found: `reached in ${Math.round(performance.now() - began)} ms` };
  } catch (error) {
    return failed(check, error, 'look at the address, at whether the broker runs, and at what is between here and there');
  }
}

async function checkTls(host: string, port: number): Promise<readonly Finding[]> {
  const reached = await checkTcp(host, port);
  if (reached.status === 'failed') return [reached];
  const check = `TLS of ${host}:${port}`;
  try {
    const { KAFKA_SSL_CA } = process.env;
    // The answer is to be seen even where it is not to be trusted.
    const socket = await opened(connectTls({ host, port, servername: host, rejectUnauthorized: false, ...(KAFKA_SSL_CA === undefined ? {} : { ca: readFileSync(KAFKA_SSL_CA) }) }), 'secureConnect');
    const { valid_to: until } = socket.getPeerCertificate();
    const reason = socket.authorized ? undefined : toError(socket.authorizationError, 'TLS').message;
    const protocol = socket.getProtocol();
    socket.destroy();
    if (reason !== undefined) return [reached, { check, status: 'failed', found: `the certificate is not trusted: ${reason}`, remedy: 'name the file of the authority in KAFKA_SSL_CA, or correct the host name' }];
    const days = Math.floor((Date.parse(until) - Date.now()) / 86_400_000);
    return [reached, { check, status: days < SOON_DAYS ? 'warning' : 'ok', found: `${protocol}, the certificate is good for ${days} days`, ...(days < SOON_DAYS ? { remedy: 'renew the certificate' } : {}) }];
  } catch (error) {
    return [reached, failed(check, error, 'is this the port for TLS? kafka:// is without')];
  }
}

function opened<S extends Socket | TLSSocket>(socket: S, event: 'connect' | 'secureConnect'): Promise<S> {
  return new Promise((resolve, reject) => {
    const give = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    socket.setTimeout(PATIENCE_MS, () => give(new Error(`no answer within ${PATIENCE_MS} ms`)));
    socket.once('error', give);
    socket.once(event, () => resolve(socket));
  });
}
