/** Ms until a connection is there, TLS and SASL included. */
export const DEFAULT_CONNECTION_TIMEOUT = 10_000;
/** Ms until a request is answered. */
export const DEFAULT_REQUEST_TIMEOUT = 30_000;
