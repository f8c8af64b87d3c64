import { MillraceError, partitionOf, TOMBSTONE, type ChannelWriter, type Clock, type Codec, type Headers, type InputPlan, type RecordHeader, type Session, type StatusBoard } from '@millrace/core';
import { throughWire } from './values.js';

/** What goes along with pushed values: one for all of them, or a function of each. */
export interface PushOptions<in T> {
  /** Text is sent as UTF-8. Default: none. */
  readonly key?: string | Uint8Array | null | ((value: T) => string | Uint8Array | null);
  readonly headers?: Headers | ((value: T) => Headers | undefined);
  /** Epoch ms. Default: now, by the clock of the harness. */
  readonly timestamp?: number | ((value: T) => number);
  /** Default: by key, as a sender would choose; without a key in turn over those that the replica reads. */
  readonly partition?: number;
}

interface Outgoing {
  /** A value, {@link TOMBSTONE}, or bytes as they are. */
  readonly value: unknown;
  readonly isEncoded: boolean;
  readonly key: Uint8Array | undefined;
  readonly headers: readonly RecordHeader[] | undefined;
  readonly timestamp: number;
}

export interface HarnessInputParts {
  readonly plan: InputPlan;
  /** Partitions that the replica reads. */
  readonly partitions: readonly number[];
  readonly session: Session;
  readonly writer: ChannelWriter;
  readonly board: StatusBoard;
  readonly clock: Clock;
}

const utf8 = new TextEncoder();

/** Feeds an input port. */
export class HarnessInput<T> {
  readonly #parts: HarnessInputParts;
  #turn = 0;
  #closing: Promise<void> | undefined;

  constructor(parts: HarnessInputParts) {
    this.#parts = parts;
  }

  /**
   * Puts records at the end of the channel. The operator gets copies, as they come out of the wire.
   * @throws MillraceError `MILLRACE_VALUE_INVALID` for a value that breaks the schema of the port, `MILLRACE_PORT_CLOSED` after {@link end}
   */
  push(values: readonly T[], options: PushOptions<T> = {}): void {
    const codec = this.#parts.plan.codec as Codec<T>;
    for (const value of values) if (!codec.isValid(value)) throw this.#invalid(codec, value);
    const { key, headers, timestamp } = options;
    this.#write(values.map((value) => ({
      value: throughWire(codec, value),
      isEncoded: false,
      key: keyBytes(typeof key === 'function' ? key(value) : key),
      headers: headerPairs(typeof headers === 'function' ? headers(value) : headers),
      timestamp: (typeof timestamp === 'function' ? timestamp(value) : timestamp) ?? this.#parts.clock.wall(),
    })), options.partition);
  }

  /** Puts a record whose value is these bytes, whatever they are: for what the port does with one that it cannot decode. */
  pushBytes(bytes: Uint8Array, options: Omit<PushOptions<never>, 'key'> & { readonly key?: string | Uint8Array | null } = {}): void {
    this.#write([this.#bare(bytes, true, options)], options.partition);
  }

  /** Puts a record without a value, which says that what has this key is gone. */
  pushTombstone(key: string | Uint8Array, options: Omit<PushOptions<never>, 'key'> = {}): void {
    this.#write([this.#bare(TOMBSTONE, false, { ...options, key })], options.partition);
  }

  /** Every writer of the channel is done: once the operator has read what is there, the input has ended. */
  end(): void {
    this.close('done');
  }

  /** As {@link end}; `drained` where the writers only stop because the run does. */
  close(reason: 'done' | 'drained'): void {
    this.#closing ??= this.#close(reason);
  }

  /** Resolves once an end that was asked for can be seen. */
  async settled(): Promise<void> {
    await this.#closing;
  }

  async #close(reason: 'done' | 'drained'): Promise<void> {
    const { session, writer, board, plan } = this.#parts;
    const { ends } = await session.commit(new Map());
    await board.put({ channel: plan.channel.name, owner: session.owner, side: 'writer', port: '', incarnation: session.incarnation, status: 'Closed', reason, ends: [...(ends.get(writer) ?? [])] });
  }

  #bare(value: unknown, isEncoded: boolean, { key, headers, timestamp }: { readonly key?: string | Uint8Array | null } & Omit<PushOptions<never>, 'key'>): Outgoing {
    return {
      value,
      isEncoded,
      key: keyBytes(key),
      headers: typeof headers === 'function' ? undefined : headerPairs(headers),
      timestamp: typeof timestamp === 'number' ? timestamp : this.#parts.clock.wall(),
    };
  }

  #write(records: readonly Outgoing[], partition: number | undefined): void {
    const { plan, partitions, writer } = this.#parts;
    if (this.#closing !== undefined) throw new MillraceError('MILLRACE_PORT_CLOSED', `input ${plan.name} was fed after its end`, { port: plan.name, channel: plan.channel.name });
    const turn = partitions[this.#turn % partitions.length] ?? 0;
    const byPartition = new Map<number, Outgoing[]>();
    for (const record of records) {
      const to = partition ?? (record.key === undefined ? turn : partitionOf(record.key, writer.partitions));
      byPartition.set(to, [...(byPartition.get(to) ?? []), record]);
    }
    if (partition === undefined && records.some(({ key }) => key === undefined)) this.#turn++;
    for (const [to, batch] of byPartition) this.#writeTo(to, batch);
  }

  #writeTo(partition: number, records: readonly Outgoing[]): void {
    const { plan, writer, clock } = this.#parts;
    const isEncoded = records.some((record) => record.isEncoded);
    const bytes = isEncoded ? (records[0]!.value as Uint8Array) : new Uint8Array();
    void writer.writeRecords({
      partition,
      count: records.length,
      objects: isEncoded ? undefined : records.map(({ value }) => value),
      bytes,
      bounds: isEncoded ? Uint32Array.of(0, bytes.length) : new Uint32Array(),
      schema: plan.codec.fingerprint,
      timestamp: clock.wall(),
      timestamps: Float64Array.from(records, ({ timestamp }) => timestamp),
      keys: records.map(({ key }) => key),
      headers: records.map(({ headers }) => headers),
    });
  }

  #invalid(codec: Codec<T>, value: unknown): MillraceError {
    const { plan } = this.#parts;
    const problems = codec.problems(value).map(({ path, expected, found }) => `${path || 'the value'} must be ${expected}, not ${found}`);
    return new MillraceError('MILLRACE_VALUE_INVALID', `a value pushed to ${plan.name} breaks its schema ${codec.name}: ${problems.join('; ')}`, { port: plan.name });
  }
}

function keyBytes(key: string | Uint8Array | null | undefined): Uint8Array | undefined {
  return typeof key === 'string' ? utf8.encode(key) : (key ?? undefined);
}

function headerPairs(headers: Headers | undefined): readonly RecordHeader[] | undefined {
  if (headers === undefined) return undefined;
  const pairs = Array.isArray(headers) ? (headers as readonly (readonly [string, string | Uint8Array])[]) : Object.entries(headers as Readonly<Record<string, string | Uint8Array>>);
  return pairs.map(([name, value]) => [name, typeof value === 'string' ? utf8.encode(value) : value] as const);
}
