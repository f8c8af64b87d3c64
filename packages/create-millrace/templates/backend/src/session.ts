import { MillraceError, type ChannelReader, type ChannelWriter, type CommitResult, type OutgoingBatch, type Owner, type Positions, type ReaderOptions, type Session, type StateChanges } from '@millrace/core';
import { LIMITS } from './location.js';
import type { OwnerRecord, Place } from './place.js';
import { SkeletonReader } from './reader.js';
import { weightOf } from './stored-batch.js';
import { SkeletonWriter } from './writer.js';

/** Bytes that may be staged between two commits, unless the owner says otherwise, and those from which a commit is asked for. */
const STEP_BYTES = 64 * 1024 * 1024;
const ENOUGH_BYTES = 4 * 1024 * 1024;

/** What a replica reads, writes and commits. Batches are staged: they get their offsets, and are seen, in the commit. */
export class SkeletonSession implements Session {
  readonly owner: string;
  readonly incarnation: number;
  readonly #record: OwnerRecord;
  readonly #readers: SkeletonReader[] = [];
  #staged: { readonly writer: SkeletonWriter; readonly batch: OutgoingBatch }[] = [];
  #stagedBytes = 0;
  #failure: Error | undefined;
  #closed = false;

  constructor(
    private readonly place: Place,
    private readonly identity: Owner,
    private readonly onClose: () => void,
  ) {
    this.owner = identity.id;
    this.#record = place.owner(identity.id);
    this.#record.session?.fence();
    this.#record.session = this;
    this.incarnation = ++this.#record.incarnation;
  }

  get state(): ReadonlyMap<string, Uint8Array> {
    return this.#record.state;
  }

  get wantsCommit(): boolean {
    return this.#stagedBytes >= ENOUGH_BYTES && this.#failure === undefined && !this.#closed;
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  async reader(channel: string, options: ReaderOptions): Promise<ChannelReader> {
    this.check();
    const reader = new SkeletonReader(this, this.place.channel(channel), options);
    this.#readers.push(reader);
    return reader;
  }

  async writer(channel: string): Promise<ChannelWriter> {
    this.check();
    return new SkeletonWriter(this, this.place.channel(channel));
  }

  commit(positions: Positions, stateChanges: StateChanges = new Map()): CommitResult {
    this.check();
    for (const [reader, offsets] of positions) this.#own(reader).verify(offsets);
    for (const { writer } of this.#staged) writer.source.check();
    for (const [key, value] of stateChanges) {
      if ((value?.byteLength ?? 0) > LIMITS.stateBytes) throw new MillraceError('MILLRACE_STATE_TOO_LARGE', `the state ${key} of ${this.owner} has ${value?.byteLength ?? 0} bytes, and ${LIMITS.stateBytes} are allowed`);
    }
    // Nothing below can fail: all of it happens, and nobody is told before.
    const ends = new Map<ChannelWriter, Map<number, number>>();
    const wakes = new Set<() => void>();
    for (const { writer, batch } of this.#staged) {
      const partition = writer.source.partition(batch.partition);
      partition.append(batch);
      ends.set(writer, (ends.get(writer) ?? new Map<number, number>()).set(batch.partition, partition.end));
      for (const wake of partition.wakes) wakes.add(wake);
    }
    for (const [reader, offsets] of positions) this.#own(reader).move(offsets);
    for (const [key, value] of stateChanges) {
      if (value === undefined) this.#record.state.delete(key);
      else this.#record.state.set(key, new Uint8Array(value));
    }
    this.#staged = [];
    this.#stagedBytes = 0;
    for (const wake of wakes) wake();
    return { ends };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#end();
    if (this.#record.session === this) this.#record.session = undefined;
    this.onClose();
  }

  /** Ends it on behalf of a newer session of its owner. */
  fence(): void {
    this.#failure = new MillraceError('MILLRACE_FENCED', `a newer session of ${this.owner} is open`);
    this.#end();
    this.wake();
  }

  /** Takes a batch that the next commit is to store. @throws MillraceError `MILLRACE_STEP_TOO_LARGE` */
  stage(writer: SkeletonWriter, batch: OutgoingBatch): void {
    const limit = this.identity.maxStepBytes ?? STEP_BYTES;
    const bytes = this.#stagedBytes + weightOf(batch);
    if (bytes > limit) throw new MillraceError('MILLRACE_STEP_TOO_LARGE', `${bytes} bytes written in one step exceed the limit of ${limit}; write less in a step or raise maxStepBytes`, { channel: writer.channel });
    this.#staged.push({ writer, batch });
    const wanted = this.wantsCommit;
    this.#stagedBytes = bytes;
    if (!wanted && this.wantsCommit) this.wake();
  }

  /** @throws MillraceError `MILLRACE_FENCED`, `MILLRACE_SESSION_CLOSED` */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#closed) throw closed(`session ${this.incarnation} of ${this.owner}`);
  }

  readonly wake = (): void => this.identity.wake();

  #own(reader: ChannelReader): SkeletonReader {
    const own = this.#readers.find((each) => each === reader);
    if (own === undefined) throw new MillraceError('MILLRACE_CHANNEL_MISMATCH', `positions of a reader that is not of this session of ${this.owner}`, { channel: reader.channel });
    return own;
  }

  #end(): void {
    this.#staged = [];
    this.#stagedBytes = 0;
    for (const reader of this.#readers) reader.close();
  }
}

export function closed(what: string): MillraceError {
  return new MillraceError('MILLRACE_SESSION_CLOSED', `${what} is closed`);
}
