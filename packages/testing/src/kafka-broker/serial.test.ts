import { X509Certificate } from 'node:crypto';
import { expect, it, vi } from 'vitest';
import { makeCertificates } from './certificates.js';

vi.mock('node:crypto', async (original) => ({
  ...await original<typeof import('node:crypto')>(),
  randomBytes: (length: number) => Buffer.alloc(length),
}));

it('a serial number of zeros makes a certificate that can be read', () => {
  const { ca, server, client } = makeCertificates();
  for (const cert of [ca, server.cert, client.cert]) {
    expect(new X509Certificate(cert).serialNumber).toBe('010000000000000000');
  }
});
