import { generateKeyPairSync, randomBytes } from 'node:crypto';
import forge from 'node-forge';

/** A certificate and its private key, PEM; the key as PKCS#8. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** An authority and what it signed: a server on this machine, and one client. */
export interface Certificates {
  /** The authority's certificate, PEM: what a client trusts. */
  readonly ca: string;
  readonly server: Identity;
  /** Kafka takes its principal from the subject: `User:CN=<client>`. */
  readonly client: Identity;
}

const A_DAY = 24 * 3_600_000;

/** Makes a new authority, with a server certificate for `localhost` and `127.0.0.1`, and one of a client; valid for a day. */
export function makeCertificates(client = 'client'): Certificates {
  const authority = makeKeys();
  const root = sign('Millrace tests', authority, undefined, [
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
  ]);
  const issued = (name: string, extensions: object[]): Identity => {
    const keys = makeKeys();
    const cert = sign(name, keys, { cert: root, keys: authority }, [
      { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
      ...extensions,
    ]);
    return { cert: forge.pki.certificateToPem(cert), key: keys.pem };
  };
  return {
    ca: forge.pki.certificateToPem(root),
    // Types 2 and 7 of a subject's names (RFC 5280, 4.2.1.6): a DNS name, an address.
    server: issued('localhost', [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }, { type: 7, ip: '127.0.0.1' }] }]),
    client: issued(client, []),
  };
}

interface Keys {
  readonly publicKey: forge.pki.PublicKey;
  readonly privateKey: forge.pki.rsa.PrivateKey;
  readonly pem: string;
}

/** By Node's own generator, which is many times quicker than one in JavaScript. */
function makeKeys(): Keys {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return { publicKey: forge.pki.publicKeyFromPem(publicKey), privateKey: forge.pki.privateKeyFromPem(privateKey), pem: privateKey };
}

function sign(name: string, keys: Keys, issuer: { readonly cert: forge.pki.Certificate; readonly keys: Keys } | undefined, extensions: object[]): forge.pki.Certificate {
  const cert = forge.pki.createCertificate();
  cert.publicKey = keys.publicKey;
  // DER allows neither a sign nor a needless zero in front (X.690, 8.3.2): a first byte of one keeps the number clear of both.
  cert.serialNumber = `01${randomBytes(8).toString('hex')}`;
  cert.validity.notBefore = new Date(Date.now() - A_DAY);
  cert.validity.notAfter = new Date(Date.now() + A_DAY);
  const subject = [{ name: 'commonName', value: name }];
  cert.setSubject(subject);
  cert.setIssuer(issuer?.cert.subject.attributes ?? subject);
  cert.setExtensions(extensions);
  cert.sign(issuer?.keys.privateKey ?? keys.privateKey, forge.md.sha256.create());
  return cert;
}
