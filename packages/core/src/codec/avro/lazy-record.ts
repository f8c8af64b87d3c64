import { inspect } from 'node:util';
import { viewOf } from '../bytes.js';
import type { ValueProblem } from '../codec.js';
import type { LazyRecord } from '../lazy.js';
import type { BinaryEncoder } from './binary-encoder.js';
import type { AvroLazyCodec } from './lazy-codec.js';
import { memberOf } from './values.js';

/** The bytes of a batch, which its records are read from. */
export class Chunk {
  readonly view: DataView;

  constructor(readonly bytes: Uint8Array) {
    this.view = viewOf(bytes);
  }
}

/** A record of a codec, whichever way it holds its fields. */
export abstract class OwnRecord<T extends object> implements LazyRecord<T> {
  abstract readonly codec: AvroLazyCodec<T>;
  abstract get<K extends keyof T & string>(field: K): T[K];
  abstract with(changes: Partial<T>): LazyRecord<T>;
  abstract toObject(): T;
  abstract write(encoder: BinaryEncoder): void;
  /** Of what it holds that is a value of JavaScript, which somebody may have changed. */
  abstract problems(): ValueProblem[];

  toJSON(): T {
    return this.toObject();
  }

  [inspect.custom](): unknown {
    try {
      return this.toObject();
    } catch (error) {
      // Who prints it may be after just that.
      return error;
    }
  }
}

/** A record as it came. Its subclass for a schema, which is compiled, holds small numbers and where the other fields begin. */
export abstract class EncodedRecord<T extends object> extends OwnRecord<T> {
  /** Of every record of the subclass. */
  declare readonly codec: AvroLazyCodec<T>;
  declare readonly chunk: Chunk;
  declare readonly start: number;
  declare readonly end: number;

  toObject(): T {
    return this.codec.read(this.chunk.bytes, this.start, this.end);
  }

  write(encoder: BinaryEncoder): void {
    const { chunk } = this;
    encoder.writeEncoded(chunk.bytes, chunk.view, this.start, this.end);
  }

  problems(): ValueProblem[] {
    return [];
  }
}

/** A record as it came but for some fields. Its subclass is compiled with that of {@link EncodedRecord}, which makes it. */
export abstract class ChangedRecord<T extends object> extends OwnRecord<T> {
  declare readonly base: EncodedRecord<T>;
  declare readonly changes: Partial<T>;

  get codec(): AvroLazyCodec<T> {
    return this.base.codec;
  }

  get<K extends keyof T & string>(field: K): T[K] {
    return Object.hasOwn(this.changes, field) && this.codec.has(field) ? (this.changes[field] as T[K]) : this.base.get(field);
  }

  with(changes: Partial<T>): LazyRecord<T> {
    return this.base.with({ ...this.changes, ...changes });
  }

  toObject(): T {
    return this.codec.merge(this.base.toObject(), this.changes);
  }

  write(encoder: BinaryEncoder): void {
    this.codec.writeChanged(encoder, this);
  }

  problems(): ValueProblem[] {
    return this.codec.problemsOf(this.changes);
  }
}

/** A record that was made of a value, or read as one. */
export class WholeRecord<T extends object> extends OwnRecord<T> {
  constructor(
    readonly codec: AvroLazyCodec<T>,
    readonly value: T,
  ) {
    super();
  }

  get<K extends keyof T & string>(field: K): T[K] {
    if (!this.codec.has(field)) throw this.codec.unknown(field);
    return memberOf(this.value, field) as T[K];
  }

  with(changes: Partial<T>): LazyRecord<T> {
    return new WholeRecord(this.codec, this.codec.merge(this.value, this.codec.checked(changes)));
  }

  toObject(): T {
    return this.codec.merge(this.value, {});
  }

  write(encoder: BinaryEncoder): void {
    this.codec.writeWhole(encoder, this.value);
  }

  problems(): ValueProblem[] {
    return this.codec.problemsOf(this.value);
  }
}
