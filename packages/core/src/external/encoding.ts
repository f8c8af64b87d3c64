import { jsonFormOf, type Codec } from '../codec/index.js';
import type { ExternalFormat } from '../plan/plan.js';
import { singleObjectHeader } from './framing.js';

/** How an output port lays its values out for one channel: by its codec, or in the format of an external channel. */
export interface Encoding {
  /** What batches name as their schema; empty where it stands in the values, or nowhere. */
  readonly fingerprint: string;
  /** As {@link Codec.encode}. */
  encode(value: unknown, buffer: Buffer, position: number): number;
}

/** How the values of a port go into an external channel of this format. */
export function encodingOf(codec: Codec<unknown>, format: ExternalFormat): Encoding {
  switch (format) {
    case 'avro':
      return withHeader(singleObjectHeader(codec.fingerprint), codec);
    case 'json':
      return bare(codec.format === 'json' ? codec : jsonFormOf(codec));
    default:
      return bare(codec);
  }
}

function bare(form: Pick<Encoding, 'encode'>): Encoding {
  return { fingerprint: '', encode: (value, buffer, position) => form.encode(value, buffer, position) };
}

function withHeader(header: Uint8Array, codec: Codec<unknown>): Encoding {
  const { length } = header;
  return {
    fingerprint: '',
    encode(value, buffer, position) {
      // Past the end of the buffer nothing is stored, and the codec asks for a larger one.
      for (let i = 0; i < length; i++) buffer[position + i] = header[i]!;
      return codec.encode(value, buffer, position + length);
    },
  };
}
