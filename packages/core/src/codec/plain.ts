import { MillraceError } from '../error/index.js';
import { isWellFormed } from './avro/values.js';
import { copyOf, decodeUtf8 } from './bytes.js';
import type { Codec, Decoder, ValueProblem, WriterSchema } from './codec.js';
import { undecodable } from './undecodable.js';
import { invalidValue, shorten } from './value-problem.js';
import { DIFFERENCES, fingerprintOf, formatDifference, incompatible, VALUES, type Comparable } from './writer-schema.js';

/** What a codec without members needs to know. */
interface Plain<T> {
  readonly format: 'text' | 'bytes';
  readonly schema: string;
  readonly expected: string;
  isValid(this: void, value: unknown): value is T;
  size(this: void, value: T): number;
  write(this: void, value: T, buffer: Buffer, position: number): void;
  read(this: void, bytes: Uint8Array, start: number, end: number): T;
}

/** Shared by text and bytes: one value, written as it is. */
class PlainCodec<T> implements Codec<T>, Comparable {
  readonly format: 'text' | 'bytes';
  readonly name = '';
  readonly schema: string;
  readonly fingerprint: string;
  readonly isValid: (value: unknown) => value is T;
  readonly #plain: Plain<T>;
  readonly #decoder: Decoder<T>;

  constructor(plain: Plain<T>) {
    this.format = plain.format;
    this.schema = plain.schema;
    this.fingerprint = fingerprintOf(plain.format, plain.schema);
    this.isValid = plain.isValid;
    this.#plain = plain;
    this.#decoder = {
      decode(bytes, start, end) {
        try {
          return plain.read(bytes, start, end);
        } catch (cause) {
          throw undecodable('', cause);
        }
      },
    };
  }

  problems(value: unknown): ValueProblem[] {
    return this.isValid(value) ? [] : [{ path: '', expected: this.#plain.expected, found: shorten(value) }];
  }

  parse(value: unknown): T {
    if (this.isValid(value)) return value;
    throw invalidValue('', this.problems(value));
  }

  encode(value: T, buffer: Buffer, position: number): number {
    // As little is taken for granted as with Avro: a number would be written as its digits.
    if (!this.isValid(value)) throw invalidValue('', this.problems(value));
    const end = position + this.#plain.size(value);
    if (end > buffer.length) return buffer.length - end;
    this.#plain.write(value, buffer, position);
    return end;
  }

  decoder(writer: WriterSchema): Decoder<T> {
    const difference = formatDifference(writer, this.format);
    if (difference !== undefined) throw incompatible('', [difference]);
    if (writer.fingerprint !== this.fingerprint) throw new MillraceError('MILLRACE_SCHEMA_INVALID', `the fingerprint ${writer.fingerprint} is not that of ${this.format}`);
    return this.#decoder;
  }

  [DIFFERENCES](writer: WriterSchema): readonly string[] {
    return [formatDifference(writer, this.format)].filter((difference) => difference !== undefined);
  }

  [VALUES](): string {
    return this.format;
  }
}

const TEXT: Codec<string> = new PlainCodec({
  format: 'text',
  schema: '"string"',
  expected: 'a string, without lone surrogates',
  isValid: (value): value is string => typeof value === 'string' && isWellFormed(value),
  size: (value) => Buffer.byteLength(value),
  write: (value, buffer, position) => void buffer.write(value, position),
  read: decodeUtf8,
});

const BYTES: Codec<Uint8Array> = new PlainCodec({
  format: 'bytes',
  schema: '"bytes"',
  expected: 'a Uint8Array',
  isValid: (value): value is Uint8Array => value instanceof Uint8Array,
  size: (value) => value.length,
  write: (value, buffer, position) => buffer.set(value, position),
  read: copyOf,
});

/** A codec whose records are text in UTF-8, read strictly: bytes that are no UTF-8 are `MILLRACE_UNDECODABLE`. */
export function text(): Codec<string> {
  return TEXT;
}

/**
 * A codec whose records are bytes as they are. A read value is a copy: a view would keep the whole batch alive that it came
 * in, and would change when that is used again.
 */
export function bytes(): Codec<Uint8Array> {
  return BYTES;
}
