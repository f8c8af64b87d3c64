import { failPoint, MillraceError, toError, type ChannelReader, type ChannelWriter, type CommitResult, type MaybePromise, type Offsets, type Owner, type Positions, type ReaderOptions, type Session, type StateChanges } from '@millrace/core';
import type { Isolation, OffsetToCommit } from '../client/index.js';
import type { OwnerCommit } from '../transaction/owner-commit.js';
import { kafkaOptions } from '../options/index.js';
import type { Producer } from '../produce/producer.js';
import { recordsOf } from '../table/topic-table.js';
import type { Connection } from './connection.js';
import { KafkaChannelReader, type ReaderHost } from './reader.js';
import { endsOf, KafkaChannelWriter, type WriterHost } from './writer.js';

/** Positions to commit, by group. */
type Groups = ReadonlyMap<string, readonly OffsetToCommit[]>;
type Changes = readonly (readonly [key: string, value: Uint8Array | undefined])[];

/** Bytes that one step may write under exactly-once, unless the owner says otherwise. */
const STEP_BYTES = 64 * 1024 * 1024;

export interface SessionParts {
  readonly identity: Owner;
  /** The owner as the cluster knows it. */
  readonly name: string;
  readonly incarnation: number;
  readonly state: Map<string, Uint8Array>;
  readonly stateTopic: string;
  readonly transaction: OwnerCommit;
  /** False where commits are not fenced: then state that has to agree with positions is refused. */
  readonly fenced: boolean;
  /** Writes in the owner's transactions: state, and under exactly-once the data too. */
  readonly committer: Producer;
  /** Writes data: the committer under exactly-once, else one of its own, outside transactions. */
  readonly producer: Producer;
  /** Ms after which the cluster aborts a transaction that is open. */
  readonly transactionTimeout: number;
}

/** An owner on the cluster. Each commit is a transaction of the owner, which is what fences. */
export class KafkaSession implements Session, ReaderHost, WriterHost {
  readonly owner: string;
  readonly incarnation: number;
  readonly state: Map<string, Uint8Array>;
  readonly producer: Producer;
  readonly #exactlyOnce: boolean;
  readonly #stepLimit: number;
  readonly #readers: KafkaChannelReader[] = [];
  readonly #writers: KafkaChannelWriter[] = [];
  #staged = 0;
  #failure: Error | undefined;
  #closed: Promise<void> | undefined;
  #committing: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly connection: Connection,
    private readonly parts: SessionParts,
    private readonly onClose: (session: KafkaSession) => void,
  ) {
    const { identity, incarnation, state, producer } = parts;
    this.owner = identity.id;
    this.incarnation = incarnation;
    this.state = state;
    this.producer = producer;
    this.#exactlyOnce = identity.delivery === 'exactly-once';
    this.#stepLimit = identity.maxStepBytes ?? STEP_BYTES;
  }

  get client() {
    return this.connection.client;
  }

  fetcherOf(isolation: Isolation) {
    return this.connection.fetcherOf(isolation);
  }

  get trimmer() {
    return this.connection.trimmer;
  }

  get growth() {
    return this.connection.growth;
  }

  get positions() {
    return this.connection.positions;
  }

  get recordBytes(): number {
    return this.connection.recordBytes;
  }

  get room(): Promise<void> | undefined {
    return this.connection.budget.room;
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  get wantsCommit(): boolean {
    return this.#failure === undefined && this.#closed === undefined && this.#exactlyOnce && this.#staged > this.#stepLimit / 2;
  }

  async reader(channel: string, options: ReaderOptions): Promise<KafkaChannelReader> {
    this.check();
    const { topic, partitions } = await this.connection.find(channel, options.external === true);
    this.check();
    for (const partition of options.partitions) {
      if (partition < partitions) continue;
      throw new MillraceError('MILLRACE_CHANNEL_MISMATCH', `channel ${channel} has the partitions 0 to ${partitions - 1}, no ${partition}`, { channel, partition });
    }
    const own = kafkaOptions.optional().parse(options.backend);
    const isExternal = options.external === true;
    const reader = new KafkaChannelReader(this, channel, {
      topic,
      framing: isExternal ? 'none' : 'single-object',
      isolation: isExternal ? (own?.fetch?.isolation ?? this.connection.isolation) : 'read_committed',
      reset: own?.offsetReset ?? this.connection.offsetReset,
      patience: this.connection.patience,
    }, options);
    this.#readers.push(reader);
    return reader;
  }

  async writer(channel: string, options?: { readonly external?: boolean }): Promise<ChannelWriter> {
    this.check();
    const external = options?.external === true;
    const { topic, partitions } = await this.connection.find(channel, external);
    this.check();
    const writer = new KafkaChannelWriter(this, channel, topic, partitions, external ? 'none' : 'single-object');
    this.#writers.push(writer);
    return writer;
  }

  commit(positions: Positions, stateChanges: StateChanges = new Map()): MaybePromise<CommitResult> {
    this.check();
    const groups = new Map<string, OffsetToCommit[]>();
    for (const [reader, offsets] of positions) {
      const own = this.#own(reader);
      own.verify(offsets);
      if (offsets.size === 0) continue;
      const moved = groups.get(own.group) ?? [];
      for (const [partition, offset] of offsets) moved.push({ topic: own.reading.topic, partition, offset });
      groups.set(own.group, moved);
    }
    const { stateBytes } = this.connection;
    for (const [key, value] of stateChanges) {
      if (!this.parts.fenced && key.startsWith('state/')) throw new MillraceError('MILLRACE_CAPABILITY_MISSING', `${this.owner} keeps @state, which needs transactions: the cluster is used with fencing: false`);
      if (value === undefined || value.length <= stateBytes) continue;
      throw new MillraceError('MILLRACE_STATE_TOO_LARGE', `the state ${key} of ${this.owner} has ${value.length} bytes, more than the limit of ${stateBytes}`);
    }
    const changes = Array.from(stateChanges, ([key, value]) => [key, value && new Uint8Array(value)] as const);
    const written = this.#writers.map((writer) => [writer, writer.takeWritten()] as const).filter(([, queues]) => queues.size > 0);
    if (groups.size === 0 && changes.length === 0 && written.length === 0) return { ends: new Map() };
    this.#staged = 0;
    // Before anything else is written: that belongs to the next commit.
    this.parts.producer.hold();
    return this.#inTurn(async () => {
      await this.#commit(groups, changes);
      const ends = new Map<ChannelWriter, Offsets>();
      // Readers count the marker that ends the transaction.
      for (const [writer, queues] of written) ends.set(writer, endsOf(queues, this.#exactlyOnce ? 1 : 0));
      return { ends };
    });
  }

  /** Commits where groups begin, whoever reads as them. */
  begin(groups: Groups): Promise<void> {
    this.check();
    return this.#inTurn(() => this.#commit(groups, []));
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  /** Ends the session from outside: by a newer one of its owner, or with its connection. */
  fail(error: Error): void {
    if (this.#failure !== undefined || this.#closed !== undefined) return;
    this.#failure = error;
    for (const reader of this.#readers) reader.close();
    this.parts.producer.close(error);
    this.parts.committer.close(error);
    this.parts.transaction.stop(error);
    this.wake();
  }

  /** @throws MillraceError `MILLRACE_FENCED`, `MILLRACE_SESSION_CLOSED` */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#closed !== undefined) throw new MillraceError('MILLRACE_SESSION_CLOSED', `session ${this.incarnation} of ${this.owner} is closed`);
  }

  wake(): void {
    this.parts.identity.wake();
  }

  stage(bytes: number, channel: string): void {
    if (!this.#exactlyOnce) return;
    if (this.#staged + bytes > this.#stepLimit) {
      throw new MillraceError('MILLRACE_STEP_TOO_LARGE', `${this.#staged + bytes} bytes written in one step exceed the limit of ${this.#stepLimit}; write less in a step, or raise maxStepBytes`, { channel });
    }
    this.#staged += bytes;
  }

  /** After the commits before it. */
  #inTurn<T>(commit: () => Promise<T>): Promise<T> {
    const committing = this.#committing.then(commit);
    this.#committing = committing.catch(() => undefined);
    return committing;
  }

  async #commit(groups: Groups, changes: Changes): Promise<void> {
    this.check();
    this.parts.producer.hold(); // a commit before this one has released it
    try {
      await (this.#exactlyOnce ? this.#commitAll(groups, changes) : this.#commitAfterData(groups, changes));
    } catch (error) {
      this.fail(toError(error));
      throw this.#failure ?? error;
    }
    for (const [key, value] of changes) {
      if (value === undefined) this.state.delete(key);
      else this.state.set(key, value);
    }
  }

  /** Exactly-once: data, state and positions in one transaction. What is written meanwhile waits for the next. */
  async #commitAll(groups: Groups, changes: Changes): Promise<void> {
    const { transaction, producer } = this.parts;
    this.#writeState(changes);
    await this.#all([producer.flush(), ...this.#commitPositions(groups)]);
    failPoint('after-ack');
    await transaction.commit();
    failPoint('after-commit');
    producer.leaveTransaction();
    producer.release();
  }

  /**
   * At-least-once: the first request of the transaction tells whether the owner is still who it was, before data that was held
   * back goes out; the transaction, of state and positions, is committed when the data is stored.
   */
  async #commitAfterData(groups: Groups, changes: Changes): Promise<void> {
    const { transaction, producer, committer, stateTopic, transactionTimeout } = this.parts;
    this.#writeState(changes);
    await this.#all(groups.size > 0 ? Array.from(groups.keys(), (group) => transaction.addGroup(group)) : [transaction.join([{ topic: stateTopic, partition: 0 }])]);
    const stored = this.#all([producer.flush()]);
    producer.release();
    const written = this.#all([committer.flush(), ...this.#commitPositions(groups)]);
    written.catch(() => undefined); // it may be waited for late
    if (await isPendingAfter(transactionTimeout / 2, stored)) {
      // A leader is away, and the cluster would abort the transaction meanwhile: another one does the same once the data is stored.
      await written;
      await transaction.abort(this.connection.patience);
      committer.leaveTransaction();
      await stored;
      this.#writeState(changes);
      await this.#all([committer.flush(), ...this.#commitPositions(groups)]);
    } else await this.#all([stored, written]);
    failPoint('after-ack');
    await transaction.commit();
    failPoint('after-commit');
    committer.leaveTransaction();
  }

  /** Waits for the rest even where one fails: positions that are written behind the end of their transaction would stay undecided. */
  async #all(work: readonly Promise<void>[]): Promise<void> {
    const results = await Promise.allSettled(work.map((each) => each.catch((error: unknown) => {
      this.fail(toError(error));
      throw error;
    })));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  #commitPositions(groups: Groups): Promise<void>[] {
    const { transaction } = this.parts;
    return Array.from(groups, async ([group, offsets]) => {
      await transaction.addGroup(group);
      failPoint('in-transaction');
      await transaction.commitOffsets(group, offsets);
    });
  }

  #writeState(changes: Changes): void {
    if (changes.length === 0) return;
    const { committer, stateTopic, name } = this.parts;
    committer.write(committer.queue(stateTopic, 0), recordsOf(changes.map(([key, value]) => [`${name}/${key}`, value])));
  }

  async #close(): Promise<void> {
    const reason = this.#failure ?? new MillraceError('MILLRACE_SESSION_CLOSED', `session ${this.incarnation} of ${this.owner} is closed`);
    const { transaction, producer, committer } = this.parts;
    for (const reader of this.#readers) reader.close();
    producer.close(reason);
    committer.close(reason);
    transaction.stop(reason);
    await this.#committing;
    // Readers do not wait for the time-out of a transaction that nobody will commit.
    if (!MillraceError.is(this.#failure, 'MILLRACE_FENCED')) await transaction.abort().catch((error: unknown) => this.connection.logger.warn({ error, owner: this.owner }, 'the open transaction could not be aborted; the cluster does it after its time-out'));
    this.onClose(this);
  }

  #own(reader: ChannelReader): KafkaChannelReader {
    if (reader instanceof KafkaChannelReader && reader.host === this) return reader;
    throw new MillraceError('MILLRACE_CHANNEL_MISMATCH', `positions of a reader of channel ${reader.channel} that does not belong to this session of ${this.owner}`, { channel: reader.channel });
  }
}

/** Whether something is still under way after so many ms. */
async function isPendingAfter(ms: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeUp = new Promise<boolean>((resolve) => (timer = setTimeout(resolve, ms, true)));
  const over = work.then(() => false, () => false);
  return await Promise.race([over, timeUp]).finally(() => clearTimeout(timer));
}
