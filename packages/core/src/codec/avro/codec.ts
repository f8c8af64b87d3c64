import { MillraceError } from '../../error/index.js';
import type { Codec, Decoder, ValueProblem, WriterSchema } from '../codec.js';
import { FIRST_INVALID, type ChecksMany } from '../first-invalid.js';
import { JSON_FORM, type JsonForm } from '../json-form.js';
import { LAZY_FORM, notLazy, type LazyCodec } from '../lazy.js';
import { invalidValue } from '../value-problem.js';
import { DIFFERENCES, formatDifference, incompatible, VALUES, type Comparable } from '../writer-schema.js';
import { canonicalForm, valuesOf } from './canonical.js';
import { clashOf } from './clash.js';
import { compileCheck, compileCheckAll } from './compile-check.js';
import { compileWrite, type Write } from './compile-write.js';
import { AvroDecoder } from './decoder.js';
import { encodeWith } from './encode.js';
import { crc64Avro } from './fingerprint.js';
import { AvroLazyCodec } from './lazy-codec.js';
import { MAX_KNOWN_WRITERS } from './limits.js';
import { parseAvroSchema } from './parse.js';
import { explain } from './problems.js';
import { resolve } from './resolve.js';
import { titleOf, type AvroType } from './schema.js';

interface KnownWriter<T> {
  readonly schema: string;
  readonly type: AvroType;
  readonly decoder: Decoder<T>;
}

/** What a codec can do beyond what its type says. */
export interface AvroCodecParts<T> {
  /** The full check, where there is more to it than the type. */
  readonly refine?: (value: unknown) => T;
  /** Throws where there is none. */
  jsonForm(codec: Codec<T>): JsonForm<T>;
}

/** The codec of an Avro type, wherever that came from. */
export class AvroCodec<T> implements Codec<T>, Comparable, ChecksMany {
  readonly format = 'avro';
  readonly name: string;
  readonly fingerprint: string;
  readonly schema: string;
  readonly #type: AvroType;
  readonly #parts: AvroCodecParts<T>;
  readonly #writers = new Map<string, KnownWriter<T>>();
  #check: ((value: unknown) => boolean) | undefined;
  #checkAll: ((values: readonly unknown[]) => number) | undefined;
  #write: Write | undefined;
  #values: string | undefined;
  #jsonForm: JsonForm<T> | undefined;
  #lazyForm: LazyCodec<T> | undefined;

  /**
   * @param schema the text that writers publish; it must say the same as `type`.
   */
  constructor(type: AvroType, schema: string, parts: AvroCodecParts<T>) {
    this.name = 'name' in type ? type.name : '';
    this.schema = schema;
    this.fingerprint = crc64Avro(canonicalForm(type));
    this.#type = type;
    this.#parts = parts;
  }

  isValid(value: unknown): value is T {
    return (this.#check ??= compileCheck(this.#type, this.name))(value);
  }

  problems(value: unknown): ValueProblem[] {
    return explain(this.#type, value);
  }

  parse(value: unknown): T {
    const { refine } = this.#parts;
    const refined: unknown = refine === undefined ? value : refine(value);
    if (!this.isValid(refined)) throw invalidValue(this.name, this.problems(refined));
    return refined;
  }

  encode(value: T, buffer: Buffer, position: number): number {
    const write = (this.#write ??= compileWrite(this.#type, this.name));
    try {
      return encodeWith(write, value, buffer, position);
    } catch (cause) {
      const problems = this.problems(value);
      if (problems.length === 0) throw cause;
      throw invalidValue(this.name, problems);
    }
  }

  decoder(writer: WriterSchema): Decoder<T> {
    const known = this.#writers.get(writer.fingerprint);
    if (known !== undefined && known.schema === writer.schema && writer.format === 'avro') return known.decoder;
    const difference = formatDifference(writer, 'avro');
    if (difference !== undefined) throw incompatible(this.name, [difference]);
    const written = this.#typeOf(writer);
    if (known !== undefined) return known.decoder;
    const { plan, differences } = resolve(written, this.#type, this.name || 'value');
    if (differences.length > 0) throw incompatible(this.name, differences);
    const decoder = new AvroDecoder<T>(plan, this.name);
    this.#remember(writer.fingerprint, { schema: writer.schema, type: written, decoder });
    return decoder;
  }

  [DIFFERENCES](writer: WriterSchema): readonly string[] {
    const difference = formatDifference(writer, 'avro');
    if (difference !== undefined) return [difference];
    try {
      return resolve(this.#typeOf(writer), this.#type, this.name || 'value').differences;
    } catch (error) {
      if (MillraceError.is(error)) return [error.message.replace(`${error.code}: `, '')];
      throw error;
    }
  }

  [FIRST_INVALID](values: readonly unknown[]): number {
    return (this.#checkAll ??= compileCheckAll(this.#type, this.name))(values);
  }

  [VALUES](): string {
    return (this.#values ??= valuesOf(this.#type));
  }

  [JSON_FORM](): JsonForm<T> {
    return (this.#jsonForm ??= this.#parts.jsonForm(this));
  }

  [LAZY_FORM](): LazyCodec<T> {
    const type = this.#type;
    if (type.kind !== 'record') throw notLazy(titleOf(type));
    // The values of a record type are objects.
    return (this.#lazyForm ??= new AvroLazyCodec(type, this as never) as unknown as LazyCodec<T>);
  }

  /** What a writer published, once it is known to be what its fingerprint stands for. */
  #typeOf({ schema, fingerprint }: WriterSchema): AvroType {
    const written = parseAvroSchema(schema, { defaults: false });
    const actual = crc64Avro(canonicalForm(written));
    if (actual !== fingerprint) throw new MillraceError('MILLRACE_SCHEMA_INVALID', `the schema published under the fingerprint ${fingerprint} has ${actual}`);
    const known = this.#writers.get(fingerprint)?.type ?? (fingerprint === this.fingerprint ? this.#type : written);
    const clash = clashOf(known, written, this.name || 'value');
    if (clash === undefined) return written;
    throw new MillraceError('MILLRACE_SCHEMA_CLASH', `two schemas have the fingerprint ${fingerprint}, so their records cannot be told apart, but ${clash}; rename the record or the field`);
  }

  #remember(fingerprint: string, writer: KnownWriter<T>): void {
    const [oldest] = this.#writers.keys();
    if (oldest !== undefined && this.#writers.size >= MAX_KNOWN_WRITERS) this.#writers.delete(oldest);
    this.#writers.set(fingerprint, writer);
  }
}
