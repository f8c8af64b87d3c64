import { failPoint, MillraceError, type ChannelReader, type ChannelWriter, type CommitResult, type Offsets, type Owner, type Positions, type ReaderOptions, type Session, type StateChanges } from '@millrace/core';
import { Commit } from './commit.js';
import { TOPIC } from './doorbell.js';
import { STATE_BYTES, STATE_KEY_BYTES } from './limits.js';
import { LocalReader, type ReaderHost } from './reader.js';
import { unknownChannel } from './resources.js';
import type { LocalStore } from './store.js';
import { LocalWriter, type Staged, type WriterHost } from './writer.js';

/** Bytes that one step may write unless the owner says otherwise. */
const STEP_BYTES = 64 * 1024 * 1024;
/** From so many staged bytes on a commit is asked for. */
const URGENT_BYTES = 8 * 1024 * 1024;

export class LocalSession implements Session, ReaderHost, WriterHost {
  readonly owner: string;
  readonly #state = new Map<string, Uint8Array>();
  readonly #readers: LocalReader[] = [];
  readonly #stepLimit: number;
  readonly #look = (): void => this.#checkFence();
  #staged: Staged[] = [];
  #stagedBytes = 0;
  #failure: Error | undefined;
  #closed = false;

  constructor(
    private readonly store: LocalStore,
    private readonly identity: Owner,
    readonly incarnation: number,
    private readonly onClose: (session: LocalSession) => void,
  ) {
    this.owner = identity.id;
    this.#stepLimit = identity.maxStepBytes ?? STEP_BYTES;
    store.listen(TOPIC.owners, this.#look);
    store.refresh();
    for (const { key, value } of store.db.state.getRange({ start: [this.owner], end: [this.owner, '\uffff'] })) this.#state.set(String(key[1]), new Uint8Array(value));
    this.#checkFence();
  }

  get state(): ReadonlyMap<string, Uint8Array> {
    return this.#state;
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  get wantsCommit(): boolean {
    return this.#stagedBytes >= Math.min(URGENT_BYTES, this.#stepLimit / 2) && this.#failure === undefined && !this.#closed;
  }

  async reader(channel: string, options: ReaderOptions): Promise<ChannelReader> {
    this.check();
    const reader = new LocalReader(this, this.store, channel, this.#find(channel), options);
    this.#readers.push(reader);
    return reader;
  }

  async writer(channel: string): Promise<ChannelWriter> {
    this.check();
    return new LocalWriter(this, channel, this.#find(channel));
  }

  async commit(positions: Positions, stateChanges: StateChanges = new Map()): Promise<CommitResult> {
    this.check();
    const moves = Array.from(positions, ([reader, offsets]) => ({ reader: this.#own(reader, offsets), offsets }));
    const changes = this.#copied(stateChanges);
    const staged = this.#staged;
    this.#staged = [];
    this.#stagedBytes = 0;
    const commit = new Commit(this.store, this, staged, moves, changes);
    try {
      failPoint('before-send');
      if (commit.isEmpty) this.#checkFence(true);
      else await this.store.write(commit, commit.topics);
      commit.compactWhereDue();
    } catch (error) {
      if (MillraceError.is(error, 'MILLRACE_FENCED')) this.fail(error);
      throw error;
    }
    for (const [key, value] of changes) {
      if (value === undefined) this.#state.delete(key);
      else this.#state.set(key, value);
    }
    return { ends: commit.ends };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#end();
    this.onClose(this);
  }

  /** Ends the session from outside. */
  fail(error: Error): void {
    if (this.#closed || this.#failure !== undefined) return;
    this.#failure = error;
    this.#end();
    this.wake();
  }

  /** @throws MillraceError `MILLRACE_FENCED`, `MILLRACE_SESSION_CLOSED` */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#closed) throw new MillraceError('MILLRACE_SESSION_CLOSED', `session ${this.incarnation} of ${this.owner} is closed`);
  }

  wake(): void {
    this.identity.wake();
  }

  stage(staged: Staged): void {
    const size = this.#stagedBytes + staged.weight;
    if (size > this.#stepLimit) {
      throw new MillraceError('MILLRACE_STEP_TOO_LARGE', `${size} bytes written in one step exceed the limit of ${this.#stepLimit}; write less in a step, or raise maxStepBytes`, { channel: staged.writer.channel, operator: this.owner });
    }
    const wanted = this.wantsCommit;
    this.#staged.push(staged);
    this.#stagedBytes = size;
    if (!wanted && this.wantsCommit) this.wake();
  }

  #checkFence(fresh = false): void {
    if (fresh) this.store.refresh();
    const current = this.store.layout.incarnation(this.owner);
    if (current === this.incarnation) return;
    const error = fenced(this.owner, this.incarnation, current);
    this.fail(error);
    if (fresh) throw error;
  }

  #find(channel: string) {
    this.store.refresh();
    const found = this.store.layout.channel(channel);
    if (found === undefined) throw unknownChannel(channel);
    return found;
  }

  #own(reader: ChannelReader, offsets: Offsets): LocalReader {
    if (!(reader instanceof LocalReader) || reader.host !== this) {
      throw new MillraceError('MILLRACE_CHANNEL_MISMATCH', `positions of a reader of channel ${reader.channel} that does not belong to this session of ${this.owner}`, { channel: reader.channel });
    }
    reader.verify(offsets);
    return reader;
  }

  #copied(changes: StateChanges): ReadonlyMap<string, Uint8Array | undefined> {
    const copies = new Map<string, Uint8Array | undefined>();
    for (const [key, value] of changes) {
      if (value !== undefined && value.byteLength > STATE_BYTES) {
        throw new MillraceError('MILLRACE_STATE_TOO_LARGE', `state ${key} of ${this.owner} has ${value.byteLength} bytes, more than the limit of ${STATE_BYTES}; keep less, or one value per partition`, { operator: this.owner });
      }
      if (Buffer.byteLength(this.owner) + Buffer.byteLength(key) > STATE_KEY_BYTES) {
        throw new MillraceError('MILLRACE_NAME_INVALID', `the names of ${this.owner} and of its state ${key} have more than ${STATE_KEY_BYTES} bytes together; shorten one`, { operator: this.owner });
      }
      copies.set(key, value && new Uint8Array(value));
    }
    return copies;
  }

  #end(): void {
    this.#staged = [];
    this.#stagedBytes = 0;
    this.store.unlisten(TOPIC.owners, this.#look);
    for (const reader of this.#readers) reader.close();
  }
}

export function fenced(owner: string, incarnation: number, current: number): MillraceError {
  return new MillraceError('MILLRACE_FENCED', `session ${incarnation} of ${owner} was replaced by session ${current}`, { operator: owner });
}
