import { MillraceError } from '../../error/index.js';
import type { Codec, Decoder, ValueProblem, WriterSchema } from '../codec.js';
import { JSON_FORM, jsonFormOf, type JsonForm } from '../json-form.js';
import type { LazyCodec, LazyRecord } from '../lazy.js';
import { undecodable, undecodableField } from '../undecodable.js';
import { invalidValue, shorten } from '../value-problem.js';
import { DIFFERENCES, incompatibilities, type Comparable } from '../writer-schema.js';
import type { BinaryEncoder } from './binary-encoder.js';
import { compileCheckChanges, compileLazy, compileWriteChanged, type FieldReader, type LazyProgram } from './compile-lazy.js';
import type { Read } from './compile-read.js';
import { compileWrite, type Write } from './compile-write.js';
import { binary } from './decoder.js';
import { encodeWith } from './encode.js';
import { Chunk, OwnRecord, WholeRecord, type ChangedRecord } from './lazy-record.js';
import { explain } from './problems.js';
import type { RecordType } from './schema.js';
import { memberOf } from './values.js';

/** The codec of lazy records of an Avro type: its wire is that of the codec of whole ones. */
export class AvroLazyCodec<T extends object> implements LazyCodec<T>, Pick<Comparable, typeof DIFFERENCES>, FieldReader {
  readonly format = 'avro';
  readonly #type: RecordType;
  readonly #whole: Codec<T>;
  readonly #fields: ReadonlySet<string>;
  #program: LazyProgram<T> | undefined;
  #writeWhole: Write | undefined;
  #writeChanged: Write<ChangedRecord<T>> | undefined;
  #checkChanges: ((changes: object) => boolean) | undefined;

  readonly #writeAny: Write = (encoder, record) => {
    if (!(record instanceof OwnRecord) || record.codec !== this) encoder.mismatch();
    (record as OwnRecord<T>).write(encoder);
  };

  /** @param whole the codec of the same type */
  constructor(type: RecordType, whole: Codec<T>) {
    this.#type = type;
    this.#whole = whole;
    this.#fields = new Set(type.fields.map(({ name }) => name));
  }

  get name(): string {
    return this.#whole.name;
  }

  get schema(): string {
    return this.#whole.schema;
  }

  get fingerprint(): string {
    return this.#whole.fingerprint;
  }

  of(value: T): LazyRecord<T> {
    if (!this.#whole.isValid(value)) throw invalidValue(this.name, this.#whole.problems(value));
    return new WholeRecord(this, value);
  }

  isValid(value: unknown): value is LazyRecord<T> {
    return value instanceof OwnRecord && value.codec === this;
  }

  problems(value: unknown): ValueProblem[] {
    if (this.isValid(value)) return [];
    const found = value instanceof OwnRecord ? `one of another codec, ${value.codec.name || 'without a name'}` : shorten(value);
    return [{ path: '', expected: `a lazy record of this codec, read from a port that has it or made by its of()`, found }];
  }

  parse(value: unknown): LazyRecord<T> {
    if (!this.isValid(value)) throw invalidValue(this.name, this.problems(value));
    return new WholeRecord(this, this.#whole.parse(value.toObject()));
  }

  encode(record: LazyRecord<T>, buffer: Buffer, position: number): number {
    try {
      return encodeWith(this.#writeAny, record, buffer, position);
    } catch (cause) {
      const problems = record instanceof OwnRecord && record.codec === this ? record.problems() : this.problems(record);
      if (problems.length === 0) throw cause;
      throw invalidValue(this.name, problems);
    }
  }

  decoder(writer: WriterSchema): Decoder<LazyRecord<T>> {
    const whole = this.#whole.decoder(writer);
    if (writer.fingerprint !== this.fingerprint) return { decode: (bytes, start, end) => new WholeRecord(this, whole.decode(bytes, start, end)) };
    return new LazyDecoder(this.#compiled(), this.name);
  }

  /** Changes whose members are their own. @throws MillraceError `MILLRACE_VALUE_INVALID` for one that is no value of its field */
  checked(given: Partial<T>): Partial<T> {
    const prototype: unknown = Object.getPrototypeOf(given);
    const changes = prototype === Object.prototype || prototype === null ? given : { ...given };
    if ((this.#checkChanges ??= compileCheckChanges(this.#type))(changes)) return changes;
    throw invalidValue(this.name, this.problemsOf(changes));
  }

  has(field: string): boolean {
    return this.#fields.has(field);
  }

  unknown(field: string): MillraceError {
    return new MillraceError('MILLRACE_OPTION_INVALID', `a record${this.name === '' ? '' : ` of ${this.name}`} has no field ${field}; it has ${[...this.#fields].join(', ') || 'none'}`);
  }

  /** A new object of the fields of a value, with changes. */
  merge(value: T, changes: Partial<T>): T {
    const merged = {};
    for (const { name, omitted } of this.#type.fields) {
      const member = memberOf(Object.hasOwn(changes, name) ? changes : value, name);
      if (omitted !== true || member !== undefined) Object.defineProperty(merged, name, { value: member, writable: true, enumerable: true, configurable: true });
    }
    return merged as T;
  }

  /** A record of this schema as a whole. */
  read(bytes: Uint8Array, start: number, end: number): T {
    try {
      return this.#whole.decoder(this.#whole).decode(bytes, start, end);
    } catch (cause) {
      throw undecodableField(`a field of ${this.name}`, cause instanceof Error ? cause.cause : cause);
    }
  }

  readField(read: Read, field: string, { bytes }: Chunk, position: number, end: number): unknown {
    try {
      binary.start(bytes, position, end);
      return read(binary);
    } catch (cause) {
      throw undecodableField(`${this.name}.${field}`, cause);
    }
  }

  writeWhole(encoder: BinaryEncoder, value: T): void {
    (this.#writeWhole ??= compileWrite(this.#type, this.name))(encoder, value);
  }

  writeChanged(encoder: BinaryEncoder, record: ChangedRecord<T>): void {
    (this.#writeChanged ??= compileWriteChanged(this.#type))(encoder, record);
  }

  /** Of fields that are there. */
  problemsOf(values: Partial<T>): ValueProblem[] {
    return explain({ ...this.#type, fields: this.#type.fields.filter(({ name }) => Object.hasOwn(values, name)) }, values);
  }

  [DIFFERENCES](writer: WriterSchema): readonly string[] {
    return incompatibilities(writer, this.#whole);
  }

  [JSON_FORM](): JsonForm<LazyRecord<T>> {
    const form = jsonFormOf(this.#whole);
    return {
      encode: (record, buffer, position) => form.encode(record.toObject(), buffer, position),
      decoder: { decode: (bytes, start, end) => new WholeRecord(this, form.decoder.decode(bytes, start, end)) },
    };
  }

  #compiled(): LazyProgram<T> {
    if (this.#program === undefined) {
      this.#program = compileLazy<T>(this.#type, this);
      this.#program.prototype.codec = this;
    }
    return this.#program;
  }
}

/** Reads records of the codec's own schema. */
class LazyDecoder<T extends object> implements Decoder<LazyRecord<T>> {
  readonly #program: LazyProgram<T>;
  readonly #title: string;
  #chunk: Chunk | undefined;

  constructor(program: LazyProgram<T>, title: string) {
    this.#program = program;
    this.#title = title;
  }

  decode(bytes: Uint8Array, start: number, end: number): LazyRecord<T> {
    let chunk = this.#chunk;
    if (chunk?.bytes !== bytes) this.#chunk = chunk = new Chunk(bytes);
    try {
      binary.start(bytes, start, end);
      const record = this.#program.scan(binary, chunk, start, end);
      binary.finish();
      return record;
    } catch (cause) {
      throw undecodable(this.#title, cause);
    }
  }
}
