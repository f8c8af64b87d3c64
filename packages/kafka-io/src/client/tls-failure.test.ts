import { expect, it } from 'vitest';
import { tlsFailure, tlsRemedy } from './tls-failure.js';

const failed = (code: string, message = 'no', more: object = {}): Error => Object.assign(new Error(message), { code, ...more });

it.each([
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /KAFKA_SSL_CA/],
  ['SELF_SIGNED_CERT_IN_CHAIN', /KAFKA_SSL_CA/],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', /KAFKA_SSL_CA/],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', /KAFKA_SSL_CA/],
  ['ERR_TLS_CERT_ALTNAME_INVALID', /as its certificate does/],
  ['CERT_HAS_EXPIRED', /renew/],
  ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', /KAFKA_SSL_CERT and KAFKA_SSL_KEY/],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', /KAFKA_SSL_CERT/],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', /KAFKA_SSL_CERT/],
  ['ERR_SSL_WRONG_VERSION_NUMBER', /kafka:\/\/ instead of kafkas:\/\//],
])('%s has a way out', (code, remedy) => expect(tlsRemedy(failed(code))).toMatch(remedy));

it('knows nothing of other errors', () => {
  expect(tlsRemedy(failed('ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR'))).toBeUndefined();
  expect(tlsRemedy(failed('ECONNRESET', 'read ECONNRESET'))).toBeUndefined();
});

it('says what OpenSSL says, without its numbers', () => {
  expect(tlsFailure(failed('ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', '805C:error:0A000412:SSL routines::sslv3 alert bad certificate\n', { reason: 'sslv3 alert bad certificate' }))).toBe('sslv3 alert bad certificate');
  expect(tlsFailure(failed('CERT_HAS_EXPIRED', 'certificate has expired'))).toBe('certificate has expired');
});
