import type { EndOfStream, StreamEnd } from '../channel/end-of-stream.js';
import { NO_VALUE, TOMBSTONE, type ChannelReader, type Offsets, type RecordBatch } from '../channel/spi.js';
import type { Clock } from '../clock/index.js';
import type { Decoder } from '../codec/index.js';
import { MillraceError, toError } from '../error/index.js';
import type { Logger } from '../logger/index.js';
import type { InputPlan } from '../plan/plan.js';
import { InputPort, type Entry, type EntryOptions } from '../port/index.js';
import type { BatchDecoders } from './decoders.js';
import { deepFreeze } from './freeze.js';
import { handful } from './handful.js';
import type { Loops } from './loops.js';
import type { PortCounters } from './metrics.js';
import type { Poison, Replay } from './replay.js';
import type { StepScope } from './step.js';

/** A record that is given up, as the port met it. */
export interface LostRecord extends Poison {
  readonly port: string;
  readonly batch: RecordBatch;
  readonly index: number;
}

/** What an input port needs of its replica. */
export interface InputPortOptions {
  readonly replica: string;
  readonly plan: Pick<InputPlan, 'name' | 'codec' | 'onError'>;
  readonly channel: string;
  readonly reader: ChannelReader;
  /** Where each partition begins. */
  readonly positions: Offsets;
  /** Nobody may have committed where it begins: another start would begin elsewhere, and skip what came meanwhile. */
  readonly commitsStart: boolean;
  /** Absent: the channel belongs to somebody else. */
  readonly end: EndOfStream | undefined;
  /** Ends at which an external channel is done (`until=end`). */
  readonly until: Offsets | undefined;
  readonly decoders: BatchDecoders;
  readonly step: StepScope;
  readonly replay: Replay;
  readonly loops: Loops;
  readonly counters: PortCounters;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Takes a record that is given up. */
  readonly onLost: (record: LostRecord) => void;
  /** Deep-freezes what is handed out, so that an operator that changes its input is found out. */
  readonly freeze: boolean;
}

const NO_HEADERS: readonly never[] = Object.freeze([]);

/** An input port over the channel that it reads. */
export class ChannelInputPort extends InputPort<unknown> {
  readonly #options: InputPortOptions;
  /** Next offset to hand out, by partition. */
  readonly #next: Map<number, number>;
  readonly #committed: Map<number, number>;
  readonly #retained = new Map<number, number>();
  /** Whether a position is another than at the last commit, or held back otherwise. */
  #moved: boolean;
  /** Given up since the last commit: counted with it, since a step that fails gives them up again. */
  readonly #lost = { skip: 0, deadLetter: 0 };
  readonly #decoders: BatchDecoders;
  /** Fetched and not handed out yet, from record `#from` on. */
  #held: RecordBatch | undefined;
  #from = 0;
  /** What is held can be handed out. */
  #isReady = false;
  /** The records that were taken last, of their batch. */
  #takenFrom = 0;
  #takenTo = 0;
  #finished: Exclude<StreamEnd, 'open'> | undefined;
  #draining = false;
  #open = true;

  constructor(options: InputPortOptions) {
    super();
    this.#options = options;
    this.#next = new Map(options.positions);
    this.#committed = new Map(options.commitsStart ? [] : options.positions);
    this.#moved = options.commitsStart && options.positions.size > 0;
    this.#decoders = options.decoders;
  }

  get name(): string {
    return this.#options.plan.name;
  }

  get reader(): ChannelReader {
    return this.#options.reader;
  }

  get partitions(): readonly number[] {
    return this.#options.reader.partitions;
  }

  get ended(): boolean {
    return this.#finished !== undefined;
  }

  /** How the input ended; `undefined` while it has not. */
  get finished(): Exclude<StreamEnd, 'open'> | undefined {
    return this.#finished;
  }

  get isExternal(): boolean {
    return this.#options.end === undefined;
  }

  get end(): EndOfStream | undefined {
    return this.#options.end;
  }

  /** Next offset to hand out, by partition. */
  get positions(): Offsets {
    return this.#next;
  }

  // What is empty is an array like any other: one that is frozen makes loops over what is retrieved twice as slow for good, since V8 inlines
  // the iteration over ordinary arrays only.
  retrieve(): readonly unknown[] {
    const batch = this.#take();
    return batch === undefined ? [] : this.#values(batch, this.#takenFrom, this.#takenTo);
  }

  retrieveEntries(options: EntryOptions & { readonly tombstones: true }): readonly Entry<unknown>[];
  retrieveEntries(options?: EntryOptions): readonly Entry<unknown>[];
  retrieveEntries(options: EntryOptions = {}): readonly Entry<unknown>[] {
    const batch = this.#take();
    return batch === undefined ? [] : this.#entries(batch, this.#takenFrom, this.#takenTo, options.tombstones === true);
  }

  [Symbol.asyncIterator](): AsyncIterator<readonly unknown[]> {
    return this.#options.loops.iterate(this);
  }

  retainFrom(partition: number, offset: number): void {
    if (!this.#next.has(partition)) throw new MillraceError('MILLRACE_OPTION_INVALID', `${this.#options.replica} retains partition ${partition} of ${this.name}, but it reads ${this.partitions.join(', ') || 'none'}`, { operator: this.#options.replica, port: this.name, partition });
    if (offset === Infinity) this.#retained.delete(partition);
    else this.#retained.set(partition, offset);
    this.#moved = true;
  }

  /** Whether `retrieve` would give something. Fetches ahead by at most one batch. */
  poll(): boolean {
    if (this.#isReady) return true;
    const { reader, replay, step } = this.#options;
    // Once past its failing place it waits for the other ports: in a replay it might keep them from ever getting there.
    if (this.#draining || (replay.isPast(this.name) && !step.isBeside)) return false;
    while (this.#held === undefined) {
      const batch = reader.readRecords();
      if (batch === undefined) return false;
      // A batch without records carries a position past what is not ours to see: aborted, compacted, control.
      if (batch.count === 0) this.#advance(batch.partition, batch.next);
      else this.#hold(batch, 0);
    }
    if (!this.#decoders.canRead(this.#held)) return false;
    // In a replay it depends on where the other ports are, too.
    this.#isReady = !replay.active;
    return true;
  }

  /** When to look again although nothing wakes: for a schema that is missing. Infinity where none is. */
  get lookAgainAt(): number {
    return this.#decoders.lookAgainAt;
  }

  /** Looks whether the input has ended; to be asked when there is nothing to retrieve. True when it just did. */
  checkEnd(): boolean {
    if (this.#finished !== undefined) return false;
    if (this.#draining) this.#finished = 'drained';
    else if (this.#held === undefined && !this.#options.reader.hasRecords()) {
      const end = this.#options.end?.check((partition) => this.#next.get(partition) ?? 0) ?? this.#externalEnd();
      if (end !== 'open') this.#finished = end;
    }
    return this.#finished !== undefined;
  }

  /** The run drains: an external input gives nothing more, since it has no end of its own. */
  drain(): void {
    if (!this.isExternal) return;
    this.#draining = true;
    this.#isReady = false;
  }

  /** Whether it came to another position since the last commit, or holds back another one. */
  get hasMoved(): boolean {
    return this.#moved;
  }

  /** Where it has come to since the last commit, held back by `retainFrom`; `undefined` where nothing changed. */
  takePositions(): Offsets | undefined {
    const { counters } = this.#options;
    counters.skipped += this.#lost.skip;
    counters.deadLettered += this.#lost.deadLetter;
    this.#lost.skip = this.#lost.deadLetter = 0;
    if (!this.#moved) return undefined;
    this.#moved = false;
    let positions: Map<number, number> | undefined;
    for (const [partition, next] of this.#next) {
      const position = this.#retained.size === 0 ? next : Math.min(next, this.#retained.get(partition) ?? Infinity);
      // None where even the beginning is to be committed, as of a partition that joined while the run goes on.
      if (position <= (this.#committed.get(partition) ?? -1)) continue;
      this.#committed.set(partition, position);
      (positions ??= new Map<number, number>()).set(partition, position);
    }
    return positions;
  }

  /** Passes over all that is left, for an operator that is done before its input is: its writers must not wait for it. */
  async discardRest(): Promise<void> {
    for (const [partition, end] of await this.reader.endOffsets()) {
      if (end <= (this.#next.get(partition) ?? 0)) continue;
      this.reader.seek(partition, end);
      this.#advance(partition, end);
    }
    this.#held = undefined;
    this.#isReady = false;
  }

  close(): void {
    this.#open = false;
  }

  #externalEnd(): StreamEnd {
    const { until } = this.#options;
    if (until === undefined) return 'open';
    for (const [partition, end] of until) if ((this.#next.get(partition) ?? 0) < end) return 'open';
    return 'done';
  }

  #hold(batch: RecordBatch, from: number): void {
    this.#held = from < batch.count ? batch : undefined;
    this.#isReady = false;
    this.#from = from;
  }

  #advance(partition: number, next: number): void {
    this.#next.set(partition, next);
    this.#moved = true;
    if (this.#options.replay.active) this.#options.replay.reached(this.name, partition, next);
  }

  /** Takes what is next into the operator's hand; `undefined`: nothing is there. */
  #take(): RecordBatch | undefined {
    const { replica, step, replay, counters } = this.#options;
    if (!this.#open) throw new MillraceError('MILLRACE_PORT_CLOSED', `${replica} read from ${this.name} after it was closed`, { operator: replica, port: this.name });
    if (replay.active) return this.#takeOne();
    if (!this.poll()) return undefined;
    const batch = this.#held!;
    const from = this.#from;
    const to = handful(batch, from);
    this.#hold(batch, to);
    step.hand(this.name, batch.partition, batch.offset(from), to - from);
    this.#advance(batch.partition, to < batch.count ? batch.offset(to) : batch.next);
    counters.batches++;
    counters.records += to - from;
    this.#takenFrom = from;
    this.#takenTo = to;
    return batch;
  }

  /** One record for the whole step, passing over those that were given up. */
  #takeOne(): RecordBatch | undefined {
    const { step, replay, counters } = this.#options;
    if (step.retrieved > 0) return undefined;
    while (replay.active && this.poll()) {
      const batch = this.#held!;
      const index = this.#from;
      const offset = batch.offset(index);
      this.#hold(batch, index + 1);
      const next = index + 1 < batch.count ? batch.offset(index + 1) : batch.next;
      const poison = replay.poisonAt(this.name, batch.partition, offset);
      counters.batches++;
      counters.records++;
      if (poison !== undefined) {
        this.#lose(batch, index, poison);
        this.#advance(batch.partition, next);
        continue;
      }
      replay.hands({ port: this.name, partition: batch.partition, offset });
      step.hand(this.name, batch.partition, offset, 1);
      this.#advance(batch.partition, next);
      this.#takenFrom = index;
      this.#takenTo = index + 1;
      return batch;
    }
    return replay.active ? undefined : this.#take();
  }

  #values(batch: RecordBatch, from: number, to: number): readonly unknown[] {
    const { objects } = batch;
    const { freeze } = this.#options;
    if (objects !== undefined && !freeze && (batch.noTombstones === true || !objects.includes(TOMBSTONE))) return from === 0 && to === batch.count ? objects : objects.slice(from, to);
    const decoder = objects === undefined ? this.#decoders.of(batch) : undefined;
    const values = new Array<unknown>(to - from);
    let count = 0;
    for (let i = from; i < to; i++) {
      const value = this.#value(batch, i, decoder);
      if (value === TOMBSTONE) this.#options.counters.tombstones++;
      else if (value !== LOST) values[count++] = value;
    }
    values.length = count;
    return freeze ? Object.freeze(values) : values;
  }

  #entries(batch: RecordBatch, from: number, to: number, tombstones: boolean): readonly Entry<unknown>[] {
    const decoder = batch.objects === undefined ? this.#decoders.of(batch) : undefined;
    const entries: Entry<unknown>[] = [];
    for (let i = from; i < to; i++) {
      const value = this.#value(batch, i, decoder);
      if (value === LOST) continue;
      if (value === TOMBSTONE && !tombstones) {
        this.#options.counters.tombstones++;
        continue;
      }
      entries.push({ value: value === TOMBSTONE ? null : value, key: batch.key(i) ?? null, headers: batch.headers(i) ?? NO_HEADERS, timestamp: batch.timestamp(i), partition: batch.partition, offset: batch.offset(i) });
    }
    return entries;
  }

  #value(batch: RecordBatch, i: number, decoder: Decoder<unknown> | undefined): unknown {
    const { freeze, counters } = this.#options;
    if (batch.objects !== undefined) return freeze ? deepFreeze(batch.objects[i]) : batch.objects[i];
    const start = batch.bounds[2 * i]!;
    if (start === NO_VALUE) return TOMBSTONE;
    const end = batch.bounds[2 * i + 1]!;
    counters.bytes += end - start;
    try {
      const value = decoder!.decode(batch.bytes, start, end);
      return freeze ? deepFreeze(value) : value;
    } catch (error) {
      return this.#undecodable(batch, i, toError(error, 'the decoder'));
    }
  }

  #undecodable(batch: RecordBatch, i: number, cause: Error): typeof LOST {
    const { replica, plan, channel } = this.#options;
    const { partition } = batch;
    const offset = batch.offset(i);
    const error = new MillraceError('MILLRACE_UNDECODABLE', `${replica} cannot decode a record of ${channel}, partition ${partition}, offset ${offset}: ${cause.message}`, { operator: replica, port: this.name, channel, partition, offset, cause });
    if (plan.onError === 'fail') {
      // The position is past it already: an operator that catches this must not go on as if nothing was lost.
      this.#options.step.refuse(error);
      throw error;
    }
    this.#lose(batch, i, { policy: plan.onError, cause: error, attempts: 1 });
    return LOST;
  }

  #lose(batch: RecordBatch, index: number, poison: Poison): void {
    const { onLost, logger } = this.#options;
    logger.warn({ port: this.name, partition: batch.partition, offset: batch.offset(index), attempts: poison.attempts, error: poison.cause }, poison.policy === 'skip' ? 'record skipped' : 'record goes to the dead letters');
    this.#lost[poison.policy]++;
    onLost({ ...poison, port: this.name, batch, index });
  }
}

/** Stands for a value that was given up. */
const LOST = Symbol('lost');
