import { jsonFormOf, type Codec } from '../codec/index.js';
import { MillraceError, toError } from '../error/index.js';
import type { ChannelPlan } from '../plan/plan.js';
import { formatOf } from './format.js';
import { confluentHeader, singleObjectHeader } from './framing.js';
import { SchemaRegistry } from './registry.js';

/** How an output port lays its values out for one channel: by its codec, or in the format of an external channel. */
export interface Encoding {
  /** What batches name as their schema; empty where it stands in the values, or nowhere. */
  readonly fingerprint: string;
  /** As {@link Codec.encode}. */
  encode(value: unknown, buffer: Buffer, position: number): number;
}

/**
 * How the values of a port go into a channel. Registers the schema of the port under `<channel>-value` where the format asks for
 * a registry.
 * @throws MillraceError `MILLRACE_SCHEMA_INCOMPATIBLE`, `MILLRACE_SCHEMA_INVALID`, `MILLRACE_REGISTRY_FAILED`
 */
export async function encodingOf(codec: Codec<unknown>, { name: channel, external }: Pick<ChannelPlan, 'name' | 'external'>, at: { readonly replica: string; readonly port: string }): Promise<Encoding> {
  if (external === undefined) return codec;
  switch (formatOf(codec, external.format)) {
    case 'avro':
      return withHeader(singleObjectHeader(codec.fingerprint), codec);
    case 'confluent':
      return withHeader(confluentHeader(await register(codec, channel, external.registry!, at)), codec);
    case 'json':
      return bare(codec.format === 'json' ? codec : jsonFormOf(codec));
    default:
      return bare(codec);
  }
}

async function register(codec: Codec<unknown>, channel: string, registry: string, { replica, port }: { readonly replica: string; readonly port: string }): Promise<number> {
  try {
    return await new SchemaRegistry(registry).register(`${channel}-value`, codec.schema);
  } catch (thrown) {
    const cause = toError(thrown, 'the registry');
    const code = MillraceError.is(cause) ? cause.code : 'MILLRACE_REGISTRY_FAILED';
    throw new MillraceError(code, `${replica} cannot open ${port} on ${channel}: ${cause.message.replace(`${code}: `, '')}`, { operator: replica, port, channel, cause });
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
