import type { RecordHeader } from '../channel/spi.js';

/** A record with all that came along with its value. Not to be changed by who reads it. */
export interface Entry<out T> {
  readonly value: T;
  /** Bytes as they travelled; `null` where the record has no key. */
  readonly key: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
  /** Epoch ms. */
  readonly timestamp: number;
  readonly partition: number;
  readonly offset: number;
}

/** Headers to send: by name, or as pairs where a name repeats. Text is sent as UTF-8. */
export type Headers = Readonly<Record<string, string | Uint8Array>> | readonly (readonly [name: string, value: string | Uint8Array])[];
