import { throwProtocolError } from '../error.js';
import type { KafkaRequest } from '../types.js';

/** Lowest and highest version per key of an API. */
export type ApiVersions = ReadonlyMap<number, readonly [min: number, max: number]>;

const API = { key: 18, name: 'ApiVersions', version: 2 };

/** What a broker speaks; the first request of each connection, before authentication. */
export const apiVersions: KafkaRequest<ApiVersions> = {
  api: API,
  encode() {},
  decode(reader) {
    throwProtocolError(reader.int16(), { api: API.name });
    const versions = new Map(reader.array(() => [reader.int16(), [reader.int16(), reader.int16()]] as const));
    reader.int32(); // throttle time
    return versions;
  },
};
