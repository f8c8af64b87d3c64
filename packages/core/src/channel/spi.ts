/**
 * The channel SPI: what a backend implements, and all that the runtime knows of it.
 *
 * Who calls what: the runtime makes one {@link Transport} per location and process, and one {@link Session} per replica and
 * transport. The session is the unit of identity, fencing and atomicity: what a replica reads, writes and commits at a
 * location goes through its session. The runtime calls a session from one place at a time; sessions run beside each other.
 * A backend never sees the meaning of schemas, operators, retries or policies.
 *
 * Below the port everything comes in batches: no object and no promise per record.
 */
import type { Codec } from '../codec/index.js';
import type { Problem } from '../error/index.js';

/** A value now, or a promise of it where the answer needs I/O. */
export type MaybePromise<T> = T | Promise<T>;

/** Partition → offset. */
export type Offsets = ReadonlyMap<number, number>;

/** What a backend can do at a location. The plan holds a pipeline against it; it may be asked without a connection. */
export interface Capabilities {
  /** How far two ends of a channel may be apart: same thread, same process, same host, anywhere. */
  readonly reach: 'thread' | 'process' | 'host' | 'network';
  /** A commit survives the end of the process. */
  readonly durable: boolean;
  /** {@link Session.commit} is atomic over batches, positions and state, and readers see committed batches only. */
  readonly transactions: boolean;
  /** A log: any group can read committed records again, from any position that retention kept. Queues say false. */
  readonly replay: boolean;
  /** Can keep just the latest record of each key ({@link Retention.compact}). */
  readonly compaction: boolean;
  /** Carries `objects` of a batch by reference, so that a port need not encode. */
  readonly objects: boolean;
  /** A channel holds so much and then makes its writers wait. Unbounded (disk, broker) backends say false. */
  readonly bounded: boolean;
  /** Whoever is at the other end of a channel goes by the replicas that were there first: none come or go while a run goes on. Absent: they may. */
  readonly fixedEnds?: true;
}

/** A location taken apart by its backend. */
export interface ParsedLocation {
  /** The location without a channel, in one spelling: equal strings share a transport. No credentials. */
  readonly location: string;
  /** The channel that the location names, for external bindings. */
  readonly channel?: string | undefined;
}

/** What stays of a channel's consumed records. Without it they go once every group has committed past them. */
export interface Retention {
  /** Consumed records kept per partition. */
  readonly records?: number;
  /** Bytes kept per partition. */
  readonly bytes?: number;
  /** Age in ms up to which records are kept. */
  readonly ms?: number;
  /** Keep the latest record of each key for ever; a tombstone removes its key. */
  readonly compact?: boolean;
}

/** A channel to be. */
export interface ChannelSpec {
  readonly name: string;
  /** Fixed for life: keys are placed by it. */
  readonly partitions: number;
  /** Groups that are committed to the first record that is there from the start, so that a slow starter misses nothing. */
  readonly groups?: readonly string[];
  readonly retention?: Retention;
  /** The backend's own options, checked by {@link ChannelBackend.options}. */
  readonly backend?: unknown;
  /** The port that is to read it, and those that are to write into it: of {@link ChannelBackend.check}, where the plan knows them. */
  readonly reader?: (SpecEnd & { readonly broadcast: boolean }) | undefined;
  readonly writers?: readonly SpecEnd[];
}

/** An end of a channel to be, as a backend may hold it against what it can carry. */
export interface SpecEnd {
  readonly replicas: number;
  readonly codec: Pick<Codec<unknown>, 'format' | 'fingerprint'>;
}

/** A channel as it is. */
export interface ChannelDescription {
  readonly name: string;
  readonly partitions: number;
  /** First offset that is still there, per partition. */
  readonly starts: Offsets;
  /** Offset after the last committed record, per partition. */
  readonly ends: Offsets;
  /** Committed positions of the groups known there. */
  readonly groups: ReadonlyMap<string, Offsets>;
}

/** A kind of channels, known by the schemes of its locations. Stateless: several pipelines of a process share it. */
export interface ChannelBackend {
  /** Schemes without the colon: `['kafka', 'kafkas']`. */
  readonly schemes: readonly string[];
  /**
   * Takes a location apart. Binding keys (`group`, `start`, `until`, `format`, `registry`) are gone from it already.
   * @throws MillraceError `MILLRACE_LOCATION_INVALID`, for an unknown query key too.
   */
  parse(location: string): ParsedLocation;
  /** @param channel of the pipeline, where one there may be less able than others. Absent: what holds for the location. */
  capabilities(location: string, channel?: string): Capabilities;
  /** Names, lengths and limits of channels to be, for the plan. Pure. */
  check(channels: readonly ChannelSpec[], location: string): readonly Problem[];
  /** Parses the backend's own options (`backend` in code and YAML) and throws its complaint; absent: it has none. */
  readonly options?: { parse(options: unknown): unknown };
  /** The same for a single port, which cannot say what belongs to the connection. Absent: as `options`. */
  readonly portOptions?: { parse(options: unknown): unknown };
  /** Connects this process to a location. The seed's `set_location` and `configure_channel`. */
  connect(location: string, options?: unknown): Promise<Transport>;
}

/** Token by which containers know backends; bind each with `toConstantValue`. */
export const CHANNEL_BACKEND = Symbol.for('@millrace/backend');

/** A process's connection to one location. */
export interface Transport {
  readonly capabilities: Capabilities;
  /** Same place, same string, however the location was spelt (cluster id, real path). */
  readonly identity: string;
  /** The largest record and the largest state value in bytes; Infinity where there is no limit. */
  readonly limits: { readonly recordBytes: number; readonly stateBytes: number };
  describeChannel(name: string): Promise<ChannelDescription | undefined>;
  /**
   * Makes channels that are not there, and groups that a channel lacks. Idempotent. Never called for external channels. For those of
   * a pipeline it is called while a session of that owner is open, by which one start at a time goes on.
   * @throws MillraceError `MILLRACE_CHANNEL_MISMATCH` where one exists with another partition count; then none is made.
   */
  createResources(channels: readonly ChannelSpec[]): Promise<void>;
  /**
   * Deletes channels with their positions, and the state of owners; what does not exist is passed over. An owner's earlier
   * sessions stay fenced. Never called for external channels, nor before every group has drained them.
   */
  deleteResources(resources: { readonly channels?: readonly string[]; readonly owners?: readonly string[] }): Promise<void>;
  /**
   * Opens a session and fences every earlier one of the same owner, anywhere: resolves when none of those can commit or
   * append any more and what they had in flight is settled, so that positions read afterwards are final.
   */
  open(owner: Owner): Promise<Session>;
  /** The keyed facts of one pipeline. */
  control(pipeline: string): Control;
  /** Closes what is open. Repeated calls are quiet. */
  close(): Promise<void>;
}

/** Small keyed facts, the latest per key, seen by every follower in the order of their puts. Keys are ASCII with `/`. */
export interface Control {
  /** Resolves when durable where the backend is, and visible to whoever follows from then on. */
  put(key: string, value: Uint8Array): Promise<void>;
  remove(key: string): Promise<void>;
  /**
   * Calls `see` with each fact under the prefix, and with each later change; `undefined` for a removal. Resolves once all that
   * was put before the call has been seen. An error in `see` reaches neither whoever puts nor other followers, and ends nothing:
   * it is thrown on its own, as an uncaught exception.
   */
  follow(prefix: string, see: (key: string, value: Uint8Array | undefined) => void): Promise<Follower>;
}

export interface Follower {
  /** After it resolves `see` is not called any more. */
  close(): Promise<void>;
}

/** On whose behalf a session reads, writes and commits. */
export interface Owner {
  /** Stable over restarts: `pipeline.operator#0`. The transactional id on Kafka. */
  readonly id: string;
  readonly delivery: 'at-least-once' | 'exactly-once';
  /** Bytes (records on memory) that may be staged between two commits before writes reject with `MILLRACE_STEP_TOO_LARGE`. */
  readonly maxStepBytes?: number;
  /**
   * Something changed: a reader has data or reached its end, a writer has room, `wantsCommit` rose, the session failed. May
   * be called at any time, also for nothing; synchronous, cheap, never throws.
   */
  wake(): void;
}

/** The next offset to read, per reader and partition. Readers and partitions left out keep what is committed. */
export type Positions = ReadonlyMap<ChannelReader, Offsets>;

/** State values by key; `undefined` removes. */
export type StateChanges = ReadonlyMap<string, Uint8Array | undefined>;

export interface CommitResult {
  /** For each writer that appended since the last commit: the offset after its last record, per partition written. */
  readonly ends: ReadonlyMap<ChannelWriter, Offsets>;
}

/** A replica's identity at a location. */
export interface Session {
  readonly owner: string;
  /** Grows with every `open` of the owner, over processes and restarts. */
  readonly incarnation: number;
  /** What the owner's commits left, as of `open`; later commits of this session show. */
  readonly state: ReadonlyMap<string, Uint8Array>;
  /**
   * True: commit at the next step boundary instead of waiting for the interval. Set when staged output fills up, or when
   * somebody waits, or soon will, for room that only this session's commit can give; then perhaps not before its readers gave what
   * they have, so that the commit covers more.
   */
  readonly wantsCommit: boolean;
  /** Set once the session can do nothing more (`MILLRACE_FENCED`, a lost connection); a wake follows. */
  readonly failure: Error | undefined;
  /** @throws MillraceError `MILLRACE_CHANNEL_UNKNOWN` */
  reader(channel: string, options: ReaderOptions): Promise<ChannelReader>;
  /** @throws MillraceError `MILLRACE_CHANNEL_UNKNOWN` */
  writer(channel: string, options?: WriterOptions): Promise<ChannelWriter>;
  /**
   * The only verb that makes anything last: every batch written so far, then positions and state; in one atom where
   * `capabilities.transactions` holds and the owner asked for exactly-once. With at-least-once readers may see batches before.
   * Rejects if a write since the last commit failed, and then nothing of it counts. Batches written while it runs belong to
   * the next commit. The answer is synchronous where no I/O is needed.
   * @throws MillraceError `MILLRACE_FENCED`, `MILLRACE_SESSION_CLOSED`, `MILLRACE_STATE_TOO_LARGE`
   */
  commit(positions: Positions, stateChanges?: StateChanges): MaybePromise<CommitResult>;
  /** Drops what is not committed, gives waiting writers up. Repeated calls are quiet. */
  close(): Promise<void>;
}

export interface ReaderOptions {
  /** Whose positions are read and committed. */
  readonly group: string;
  readonly partitions: readonly number[];
  /** Where a group without a committed position begins: at either end, or at the first record at or after a time (epoch ms). */
  readonly start: 'earliest' | 'latest' | number;
  /** The channel belongs to somebody else. */
  readonly external?: boolean;
  /** Which partitions to take up beside those named, where somebody gives the channel more of them. Absent: they are final. */
  readonly share?: PartitionShare;
  /** The backend's own options. */
  readonly backend?: unknown;
  readonly role?: ChannelRole;
}

/** The partitions p with p mod `of` = `index`. */
export interface PartitionShare {
  readonly index: number;
  readonly of: number;
}

export interface WriterOptions {
  readonly external?: boolean;
  readonly backend?: unknown;
  readonly role?: ChannelRole;
}

/** The part that a session plays at a channel of its pipeline, for backends that tell peers of it. */
export interface ChannelRole {
  /** The port of the session's owner. */
  readonly port: string;
  /** Replicas of the owner's operator. */
  readonly replicas: number;
  /** Owners at the other end: for a reader those that write, for a writer those that read. */
  readonly peers: readonly string[];
}

/**
 * One reading end. Named after the seed's KafkaChannelReader. Its members throw or reject once the session is closed or has failed.
 */
export interface ChannelReader {
  readonly channel: string;
  readonly group: string;
  /**
   * Those that are read. One that joins by {@link ReaderOptions.share} begins at the group's position, else at its first record whatever
   * `start` says, and is told by a batch, be it of no records.
   */
  readonly partitions: readonly number[];
  /** Places the reader at the group's committed positions, or at its start, and returns them. Called once, before the first read. */
  loadInputRecordOffset(): Promise<Offsets>;
  /**
   * The next batch, or nothing: then a wake follows once that changes. Synchronous. Batches of one partition come in order
   * without gaps or overlaps; partitions take turns. One of no records tells of a position that moved: over what was aborted,
   * or the marks of a transaction's end.
   */
  readRecords(): RecordBatch | undefined;
  /** Whether a read would give a batch, or records are known to exist that are still under way. Synchronous; paused partitions aside. */
  hasRecords(): boolean;
  /** Committed end per assigned partition, asked now. */
  endOffsets(): Promise<Offsets>;
  /** Records between the reader's position and the end, per assigned partition, asked now. */
  getConsumerLag(): Promise<Offsets>;
  /** Stops giving batches of these partitions without giving them up. */
  pause(partitions: readonly number[]): void;
  resume(partitions: readonly number[]): void;
  /** The next read of the partition begins at `offset`, or at the first record that is still there. */
  seek(partition: number, offset: number): void;
}

/** One writing end. Named after the seed's KafkaChannelWriter. */
export interface ChannelWriter {
  readonly channel: string;
  /** Partitions of the channel. */
  readonly partitions: number;
  /** Set where the peers of a backend want records spread so, whatever the port asks for; keys place nothing then. */
  readonly partitioner?: 'round-robin';
  /**
   * Takes a batch over; the caller must not touch it again. One of no records is passed over. Nothing: there is room for more. A promise: wait for it before the
   * next batch. It comes true without a commit of this session, which cannot commit in mid-step: stage, spill, or rely on
   * other sessions; what only an own commit would free is told by `wantsCommit`.
   * Rejects (or throws) for a fenced or closed session, a record over the limit (`MILLRACE_RECORD_TOO_LARGE`) and a step over
   * its bound (`MILLRACE_STEP_TOO_LARGE`): then the batch was not taken. A batch that was taken and could not be stored
   * rejects the commit.
   */
  writeRecords(batch: OutgoingBatch): Promise<void> | undefined;
  /**
   * As {@link writeRecords}, of values that the writer encodes itself, each where it is to be, before it returns: for one that would copy
   * the bytes of a batch anyway, as into a request that it fills. What a value throws is thrown on, and then nothing of the batch was
   * taken. Absent: ports encode, and call {@link writeRecords}.
   */
  writeValues?(batch: OutgoingValues): WrittenValues;
}

/** A header as it travels; names may repeat. */
export type RecordHeader = readonly [name: string, value: Uint8Array];

/** In `objects`: a record without a value. In `bounds` both ends are {@link NO_VALUE}. */
export const TOMBSTONE: unique symbol = Symbol.for('@millrace/tombstone');
/** Both bounds of a record without a value. */
export const NO_VALUE = 0xffff_ffff;

/** Records of one partition whose values are yet to be encoded. Arrays run in parallel. */
export interface OutgoingValues extends Pick<OutgoingBatch, 'partition' | 'schema' | 'timestamp' | 'timestamps' | 'keys' | 'headers'> {
  readonly values: readonly unknown[];
  readonly encoding: Pick<Codec<unknown>, 'encode'>;
}

/** What became of values that a writer encoded. */
export interface WrittenValues {
  /** Of all values, without keys and headers. */
  readonly bytes: number;
  /** As {@link ChannelWriter.writeRecords} gives it. */
  readonly room: Promise<void> | undefined;
}

/** Records of one partition on their way out. Either `objects`, or `bytes` with `bounds`. */
export interface OutgoingBatch {
  readonly partition: number;
  readonly count: number;
  /** Values by reference; only where `capabilities.objects` holds. */
  readonly objects?: readonly unknown[] | undefined;
  /** True: none of `objects` is a {@link TOMBSTONE}, and nobody need look. */
  readonly noTombstones?: boolean | undefined;
  /** Encoded values, one after the other. Empty with `objects`. */
  readonly bytes: Uint8Array;
  /** Value i is `bytes[bounds[2i]]` up to `bytes[bounds[2i + 1]]`. Empty with `objects`. */
  readonly bounds: Uint32Array;
  /** Fingerprint of the schema that the values were written with: 16 hexadecimal digits. */
  readonly schema: string;
  /** Epoch ms, for every record of the batch that `timestamps` does not name. */
  readonly timestamp: number;
  /** Epoch ms per record; NaN: not named. */
  readonly timestamps?: Float64Array | undefined;
  readonly keys?: readonly (Uint8Array | undefined)[] | undefined;
  readonly headers?: readonly (readonly RecordHeader[] | undefined)[] | undefined;
}

/** Records of one partition on their way in, over one buffer that is not written again. */
export interface RecordBatch {
  readonly partition: number;
  readonly count: number;
  /** Position to commit once all of it is processed: past gaps, aborted and control records. */
  readonly next: number;
  readonly objects: readonly unknown[] | undefined;
  /** As in {@link OutgoingBatch.noTombstones}. */
  readonly noTombstones?: boolean | undefined;
  readonly bytes: Uint8Array;
  readonly bounds: Uint32Array;
  /** As in {@link OutgoingBatch.schema}. Empty where the channel is external and carries none. */
  readonly schema: string;
  offset(i: number): number;
  /** Epoch ms. */
  timestamp(i: number): number;
  key(i: number): Uint8Array | undefined;
  headers(i: number): readonly RecordHeader[] | undefined;
}
