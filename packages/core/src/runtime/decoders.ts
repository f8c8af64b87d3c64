import { SCHEMA_WAIT_MS, type SchemaCatalog } from '../channel/schema-catalog.js';
import type { RecordBatch } from '../channel/spi.js';
import type { Clock } from '../clock/index.js';
import type { Codec, Decoder } from '../codec/index.js';
import { MillraceError } from '../error/index.js';

/** How a port reads the batches of its channel. @internal */
export interface BatchDecoders {
  /** When to look again for a schema that is missing; Infinity where none is. */
  readonly lookAgainAt: number;
  /**
   * Whether a batch can be read by now; its schema may yet be published.
   * @throws MillraceError `MILLRACE_SCHEMA_INCOMPATIBLE`, `MILLRACE_SCHEMA_INVALID`, `MILLRACE_SCHEMA_UNKNOWN` after a while
   */
  canRead(batch: RecordBatch): boolean;
  /** The decoder of a batch of encoded records; `undefined` while its schema is not known. @throws as {@link canRead} */
  of(batch: RecordBatch): Decoder<unknown> | undefined;
}

export interface DecodersOptions {
  readonly replica: string;
  readonly port: string;
  readonly channel: string;
  readonly codec: Codec<unknown>;
  /** Reads batches that name no schema; default the codec. */
  readonly bare?: Decoder<unknown>;
  readonly schemas: SchemaCatalog | undefined;
  readonly clock: Clock;
}

/** How a port reads each schema that it meets: resolved at first sight. */
export class Decoders implements BatchDecoders {
  readonly #options: DecodersOptions;
  readonly #known = new Map<string, Decoder<unknown>>();
  /** When it met a schema that nobody has published yet. */
  #missedAt: number | undefined;

  constructor(options: DecodersOptions) {
    this.#options = options;
    if (options.bare !== undefined) this.#known.set('', options.bare);
  }

  get lookAgainAt(): number {
    return this.#missedAt === undefined ? Infinity : this.#missedAt + SCHEMA_WAIT_MS;
  }

  canRead(batch: RecordBatch): boolean {
    const { codec } = this.#options;
    if (batch.objects === undefined) return this.of(batch) !== undefined;
    if (batch.schema === codec.fingerprint) return true;
    throw this.#error('MILLRACE_SCHEMA_INCOMPATIBLE', batch, `that lies there by reference and was made for schema ${batch.schema}, not ${codec.fingerprint}; let the version that wrote it read it first, or start fresh`);
  }

  of(batch: RecordBatch): Decoder<unknown> | undefined {
    const { codec, schemas } = this.#options;
    const known = this.#known.get(batch.schema);
    if (known !== undefined) return known;
    const writer = batch.schema === '' || batch.schema === codec.fingerprint ? codec : schemas?.get(batch.schema);
    if (writer === undefined) return this.#missed(batch);
    this.#missedAt = undefined;
    const decoder = codec.decoder(writer);
    this.#known.set(batch.schema, decoder);
    return decoder;
  }

  /** Control may lag behind the data, but not for ever. */
  #missed(batch: RecordBatch): undefined {
    const { clock, schemas } = this.#options;
    const now = clock.now();
    this.#missedAt ??= now;
    if (schemas !== undefined && now < this.lookAgainAt) return undefined;
    throw this.#error('MILLRACE_SCHEMA_UNKNOWN', batch, `that was written with schema ${batch.schema}, which nobody has published`);
  }

  #error(code: 'MILLRACE_SCHEMA_UNKNOWN' | 'MILLRACE_SCHEMA_INCOMPATIBLE', batch: RecordBatch, what: string): MillraceError {
    const { replica, port, channel } = this.#options;
    const { partition } = batch;
    const offset = batch.offset(0);
    return new MillraceError(code, `${replica} met a record of ${channel}, partition ${partition}, offset ${offset}, ${what}`, { operator: replica, port, channel, partition, offset });
  }
}
