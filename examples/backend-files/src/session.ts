import { MillraceError, type ChannelReader, type ChannelWriter, type CommitResult, type MaybePromise, type OutgoingBatch, type Owner, type Positions, type ReaderOptions, type Session, type StateChanges } from '@millrace/core';
import { LIMITS } from './location.js';
import { base64, type Change, type OwnerRecord } from './catalog.js';
import { encodeFrame } from './frame.js';
import { FilesReader } from './reader.js';
import type { Store } from './store.js';
import { FilesWriter } from './writer.js';

/** Bytes that may be staged between two commits, unless the owner says otherwise, and those from which a commit is asked for. */
const STEP_BYTES = 64 * 1024 * 1024;
const ENOUGH_BYTES = 4 * 1024 * 1024;

/** What a replica reads, writes and commits. Batches are staged as frames: they get their offsets, and are seen, in the commit. */
export class FilesSession implements Session {
  readonly owner: string;
  readonly incarnation: number;
  readonly #record: OwnerRecord;
  readonly #readers: FilesReader[] = [];
  #staged: { readonly writer: FilesWriter; readonly partition: number; readonly frame: Buffer }[] = [];
  #stagedBytes = 0;
  #failure: Error | undefined;
  #closed = false;

  private constructor(
    private readonly store: Store,
    private readonly identity: Owner,
    private readonly onClose: (session: FilesSession) => void,
  ) {
    this.owner = identity.id;
    this.#record = store.catalog.owner(identity.id);
    this.incarnation = this.#record.incarnation + 1;
    this.#record.session?.fail(new MillraceError('MILLRACE_FENCED', `a newer session of ${this.owner} is open`));
    this.#record.session = this;
    store.failing.add(this.fail);
  }

  /** Fences the owner's earlier session in its turn, when what that one had in flight is settled. */
  static open(store: Store, identity: Owner, onClose: (session: FilesSession) => void): Promise<FilesSession> {
    return store.change((draft) => {
      const session = new FilesSession(store, identity, onClose);
      draft.record({ do: 'incarnation', owner: session.owner, incarnation: session.incarnation });
      return session;
    });
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
    const reader = new FilesReader(this, this.store.catalog.channel(channel), options);
    this.#readers.push(reader);
    await reader.loadInputRecordOffset();
    return reader;
  }

  async writer(channel: string): Promise<ChannelWriter> {
    this.check();
    return new FilesWriter(this, this.store.catalog.channel(channel));
  }

  commit(positions: Positions, stateChanges: StateChanges = new Map()): MaybePromise<CommitResult> {
    this.check();
    for (const [reader, offsets] of positions) this.#own(reader).verify(offsets);
    const state = Array.from(stateChanges, ([key, value]): Change => {
      if ((value?.byteLength ?? 0) > LIMITS.stateBytes) throw new MillraceError('MILLRACE_STATE_TOO_LARGE', `the state ${key} of ${this.owner} has ${value?.byteLength ?? 0} bytes, and ${LIMITS.stateBytes} are allowed`);
      return { do: 'state', owner: this.owner, key, value: value === undefined ? null : base64(value) };
    });
    const staged = this.#staged;
    this.#drop();
    if (staged.length + positions.size + state.length === 0) return { ends: new Map() };
    return this.store.change((draft) => {
      this.check();
      for (const { writer } of staged) writer.source.check();
      for (const reader of positions.keys()) this.#own(reader).source.check();
      // Nothing below can fail: all of it happens, and nobody is told before it is on the disk.
      const ends = new Map<ChannelWriter, Map<number, number>>();
      for (const { writer, partition, frame } of staged) ends.set(writer, (ends.get(writer) ?? new Map<number, number>()).set(partition, draft.append(writer.source, partition, frame)));
      for (const [reader, offsets] of positions) this.#own(reader).move(offsets, draft);
      draft.record(...state);
      return { ends };
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#drop();
    await Promise.all(this.#readers.map((reader) => reader.close()));
    this.store.failing.delete(this.fail);
    if (this.#record.session === this) this.#record.session = undefined;
    this.onClose(this);
  }

  /** Ends it from outside: by a newer session of its owner, or since the disk failed. */
  readonly fail = (error: MillraceError): void => {
    if (this.#closed || this.#failure !== undefined) return;
    this.#failure = error;
    this.#drop();
    this.wake();
  };

  /** Takes a batch that the next commit is to store. @throws MillraceError `MILLRACE_STEP_TOO_LARGE` */
  stage(writer: FilesWriter, batch: OutgoingBatch): void {
    const limit = this.identity.maxStepBytes ?? STEP_BYTES;
    const frame = encodeFrame(batch);
    const bytes = this.#stagedBytes + frame.byteLength;
    if (bytes > limit) throw new MillraceError('MILLRACE_STEP_TOO_LARGE', `${bytes} bytes written in one step exceed the limit of ${limit}; write less in a step or raise maxStepBytes`, { channel: writer.channel });
    this.#staged.push({ writer, partition: batch.partition, frame });
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

  #own(reader: ChannelReader): FilesReader {
    const own = this.#readers.find((each) => each === reader);
    if (own === undefined) throw new MillraceError('MILLRACE_CHANNEL_MISMATCH', `positions of a reader that is not of this session of ${this.owner}`, { channel: reader.channel });
    return own;
  }

  #drop(): void {
    this.#staged = [];
    this.#stagedBytes = 0;
  }
}

export function closed(what: string): MillraceError {
  return new MillraceError('MILLRACE_SESSION_CLOSED', `${what} is closed`);
}
