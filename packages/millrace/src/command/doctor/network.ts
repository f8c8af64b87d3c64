import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { failed, type Finding } from './checks.js';

const PATIENCE_MS = 5_000;
const SOON_DAYS = 14;

/** Each broker that a location names, reached on its own, since a client is content with one of them. */
export async function checkBrokers(location: string): Promise<readonly (readonly Finding[])[]> {
  const [, scheme, list = ''] = /^(kafkas?):\/\/([^/?]+)/.exec(location) ?? [];
  return await Promise.all(list.split(',').filter((broker) => broker !== '').map(async (broker) => {
    const [, host = broker, port = '9092'] = /^\[?([^\]]+?)\]?(?::(\d+))?$/.exec(broker) ?? [];
    const reached = await checkTcp(host, Number(port));
    return scheme === 'kafka' || reached.status === 'failed' ? [reached] : [reached, await checkTls(host, Number(port))];
  }));
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

async function checkTls(host: string, port: number): Promise<Finding> {
  const check = `TLS of ${host}:${port}`;
  const { tlsFailure, tlsOf, tlsRemedy } = await import('@millrace/kafka-io');
  let tls: ConnectionOptions | undefined;
  try {
    tls = tlsOf({}, true, process.env);
  } catch (error) {
    return failed(check, error);
  }
  try {
    const socket = await opened(connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...tls }), 'secureConnect');
    const { valid_to: until } = socket.getPeerCertificate();
    const protocol = socket.getProtocol();
    socket.destroy();
    const isSoon = Date.parse(until) - Date.now() < SOON_DAYS * 86_400_000;
    return { check, status: isSoon ? 'warning' : 'ok', found: `${protocol}, the certificate is good until ${new Date(until).toISOString()}`, ...(isSoon ? { remedy: 'renew the certificate' } : {}) };
  } catch (error) {
    return failed(check, new Error(tlsFailure(error)), tlsRemedy(error) ?? 'is this the port for TLS? kafka:// is without');
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
