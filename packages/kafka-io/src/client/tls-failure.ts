/** What failed, in OpenSSL's words without its numbers. @internal */
export function tlsFailure(error: unknown): string {
  const { reason, message } = error as { readonly reason?: string; readonly message?: string };
  return reason ?? message ?? String(error);
}

/**
 * What to do about a TLS connection that failed, by Node's code of it; `undefined` where its message has to do.
 *
 * @see https://nodejs.org/api/tls.html#x509-certificate-error-codes
 * @internal
 */
export function tlsRemedy(error: unknown): string | undefined {
  const { code = '', message = '' } = error as { readonly code?: string; readonly message?: string };
  if (/^(UNABLE_TO_(VERIFY|GET_ISSUER)|SELF_SIGNED|DEPTH_ZERO)/.test(code)) return 'name the file of the authority that signed the broker’s certificate in KAFKA_SSL_CA';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'name the broker as its certificate does';
  if (/^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/.test(code)) return 'renew the broker’s certificate, or set the clock of this machine';
  // Alerts 42 to 46, 48 and 116 (RFC 8446, 6.2): the other side says them of our certificate.
  if (/_ALERT_.*(CERTIFICATE|UNKNOWN_CA)/.test(code)) return 'the broker wants a certificate that it trusts of this client: KAFKA_SSL_CERT and KAFKA_SSL_KEY';
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || message.includes('before secure TLS connection')) return 'the listener may speak no TLS, which is kafka:// instead of kafkas://';
  return undefined;
}
