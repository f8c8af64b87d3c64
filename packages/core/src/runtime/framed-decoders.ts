import { SCHEMA_WAIT_MS } from '../channel/schema-catalog.js';
import { NO_VALUE, type RecordBatch } from '../channel/spi.js';
import type { Clock } from '../clock/index.js';
import type { Codec, Decoder, WriterSchema } from '../codec/index.js';
import { MillraceError, toError } from '../error/index.js';
import type { Framing } from '../external/index.js';
import type { BatchDecoders } from './decoders.js';

/** Where the schemas are that records name. */
export interface SchemaSource {
  /** What is missing, as the end of "with schema 12, …". */
  readonly missing: string;
  /**
   * The schema of this name; nothing where it is not known yet and may be later. A promise is waited for; what it rejects with is
   * why the record cannot be read.
   */
  find(name: string): WriterSchema | Promise<WriterSchema> | undefined;
}

export interface FramedDecodersOptions {
  readonly replica: string;
  readonly port: string;
  readonly channel: string;
  readonly codec: Codec<unknown>;
  readonly framing: Framing;
  readonly schemas: SchemaSource;
  readonly clock: Clock;
  /** Called when a schema that was waited for is there, or will not come. */
  readonly wake: () => void;
  /** Reads batches whose channel tells the schema itself. */
  readonly others: BatchDecoders;
}

/** What a record names as its schema. */
interface Known {
  readonly high: number;
  readonly low: number;
  readonly name: string;
  decoder: Decoder<unknown> | undefined;
  failure: Error | undefined;
  /** The schema was asked for, and the answer is under way. */
  isAsked: boolean;
}

/** Reads values of an external channel that each name the schema that they were written with: resolved at first sight. */
export class FramedDecoders implements BatchDecoders, Decoder<unknown> {
  readonly #options: FramedDecodersOptions;
  readonly #known = new Map<string, Known>();
  #last: Known | undefined;
  /** The batch that was looked through last, and found to be readable. */
  #ready: RecordBatch | undefined;
  #missedAt: number | undefined;

  constructor(options: FramedDecodersOptions) {
    this.#options = options;
  }

  get lookAgainAt(): number {
    return Math.min(this.#options.others.lookAgainAt, this.#missedAt === undefined ? Infinity : this.#missedAt + SCHEMA_WAIT_MS);
  }

  canRead(batch: RecordBatch): boolean {
    if (isElsewhere(batch)) return this.#options.others.canRead(batch);
    if (batch === this.#ready) return true;
    const { bytes, bounds, count } = batch;
    for (let i = 0; i < count; i++) {
      const start = bounds[2 * i]!;
      if (start === NO_VALUE) continue;
      const known = this.#at(bytes, start, bounds[2 * i + 1]!);
      // One without a mark is nobody's schema: reading it fails, and the port's policy says what then.
      if (known !== undefined && known.decoder === undefined && !this.#resolve(known, batch, i)) return false;
    }
    this.#missedAt = undefined;
    this.#ready = batch;
    return true;
  }

  of(batch: RecordBatch): Decoder<unknown> | undefined {
    if (isElsewhere(batch)) return this.#options.others.of(batch);
    return this.canRead(batch) ? this : undefined;
  }

  decode(bytes: Uint8Array, start: number, end: number): unknown {
    const { size, mark } = this.#options.framing;
    const decoder = this.#at(bytes, start, end)?.decoder;
    if (decoder === undefined) throw new MillraceError('MILLRACE_UNDECODABLE', `the value does not begin with ${mark}`);
    return decoder.decode(bytes, start + size, end);
  }

  #at(bytes: Uint8Array, start: number, end: number): Known | undefined {
    const { framing } = this.#options;
    if (end - start < framing.size || !framing.isMarked(bytes, start)) return undefined;
    const high = framing.high(bytes, start);
    const low = framing.low(bytes, start);
    const last = this.#last;
    if (last !== undefined && last.low === low && last.high === high) return last;
    const name = framing.nameOf(high, low);
    let known = this.#known.get(name);
    if (known === undefined) this.#known.set(name, (known = { high, low, name, decoder: undefined, failure: undefined, isAsked: false }));
    return (this.#last = known);
  }

  /** Looks for a schema. True where it is there. */
  #resolve(known: Known, batch: RecordBatch, index: number): boolean {
    if (known.failure !== undefined) throw this.#error(known, known.failure, batch, index);
    if (known.isAsked) return false;
    const { schemas, codec, wake, clock } = this.#options;
    const found = schemas.find(known.name);
    if (found instanceof Promise) {
      known.isAsked = true;
      found.then((schema) => (known.decoder = codec.decoder(schema))).catch((error: unknown) => (known.failure = toError(error, 'the schemas'))).finally(wake);
      return false;
    }
    if (found !== undefined) {
      known.decoder = codec.decoder(found);
      return true;
    }
    const now = clock.now();
    this.#missedAt ??= now;
    if (now < this.#missedAt + SCHEMA_WAIT_MS) return false;
    throw this.#error(known, new MillraceError('MILLRACE_SCHEMA_UNKNOWN', schemas.missing), batch, index);
  }

  #error({ name }: Known, cause: Error, batch: RecordBatch, index: number): MillraceError {
    const { replica, port, channel } = this.#options;
    const { partition } = batch;
    const offset = batch.offset(index);
    const code = MillraceError.is(cause) ? cause.code : 'MILLRACE_SCHEMA_UNKNOWN';
    return new MillraceError(code, `${replica} met a record of ${channel}, partition ${partition}, offset ${offset}, that was written with schema ${name}: ${cause.message.replace(`${code}: `, '')}`, { operator: replica, port, channel, partition, offset, cause });
  }
}

/** Values by reference, and those whose channel tells their schema. */
function isElsewhere({ objects, schema }: RecordBatch): boolean {
  return objects !== undefined || schema !== '';
}
