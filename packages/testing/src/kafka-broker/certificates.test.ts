import { X509Certificate } from 'node:crypto';
import { connect, createServer, type TLSSocket } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { makeCertificates } from './certificates.js';

const ours = makeCertificates('ada'), theirs = makeCertificates();

it('a server and a client with certificates of one authority trust each other', async () => {
  const { ca, server, client } = ours;
  const listening = createServer({ ca, ...server, requestCert: true, rejectUnauthorized: true }).listen(0, '127.0.0.1');
  await once(listening, 'listening');
  const { port } = listening.address() as AddressInfo;
  const accepted = once(listening, 'secureConnection') as Promise<[TLSSocket]>;
  const socket = connect({ host: '127.0.0.1', port, ca, ...client });
  await once(socket, 'secureConnect');
  const [peer] = await accepted;
  expect(peer.getPeerCertificate().subject.CN).toBe('ada');
  peer.destroy();
  socket.destroy();
  await new Promise((resolve) => listening.close(resolve));
});

it('another authority has signed nothing of it', () => {
  const certificate = new X509Certificate(ours.server.cert);
  expect(certificate.verify(new X509Certificate(ours.ca).publicKey)).toBe(true);
  expect(certificate.verify(new X509Certificate(theirs.ca).publicKey)).toBe(false);
  expect(certificate.checkHost('localhost')).toBe('localhost');
  expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
});
