import type { ChannelWriter, OutgoingBatch, RecordHeader } from '../channel/spi.js';
import type { StatusBoard, StatusFact } from '../channel/status-board.js';
import { haveSameValues, type Codec } from '../codec/index.js';
import { toError } from '../error/index.js';
import type { Encoding } from '../external/index.js';
import { replicaIndex, type ChannelPlan } from '../plan/plan.js';

const NO_BYTES = new Uint8Array(0);
const NO_BOUNDS = new Uint32Array(0);

/** Values of one send with what goes along, before they are laid out for a channel. Arrays run in parallel. */
export interface Outgoing {
  readonly values: readonly unknown[];
  readonly keys: readonly (Uint8Array | undefined)[] | undefined;
  readonly headers: readonly (readonly RecordHeader[] | undefined)[] | undefined;
  readonly timestamps: Float64Array | undefined;
  /** Epoch ms of the send. */
  readonly now: number;
}

/** The writing end of one channel, for one output port of one replica. */
export class OutputChannel {
  readonly name: string;
  readonly partitions: number;
  readonly isExternal: boolean;
  /** How the backend wants records spread; `undefined`: as the port says. */
  readonly partitioner: ChannelWriter['partitioner'];
  /** Values go by reference: the reader is known, and takes just the values that the writer gives. */
  readonly byReference: boolean;
  readonly encoding: Encoding;
  /** The writer copies the bytes, so that they may be laid out in memory that is used again. */
  readonly copies: boolean;
  /** Offset after this incarnation's last committed record, by partition. */
  readonly ends = new Map<number, number>();
  /** How many replicas share the channel: those of the plan until they tell of a rescale. */
  #readers = 0;
  /** Those of them, by index, that are done for good. */
  readonly #done = new Set<number>();
  /** 1 where no reader is left in this run; `undefined` while every partition has one. */
  #readerless: Uint8Array | undefined;
  #released = false;
  readonly #waiting = new Set<() => void>();
  readonly #writer: ChannelWriter;
  readonly #unwatch: () => void;

  constructor(plan: ChannelPlan, writer: ChannelWriter, codec: Codec<unknown>, encoding: Encoding, board: StatusBoard | undefined) {
    this.name = plan.name;
    this.#writer = writer;
    this.partitions = writer.partitions;
    this.partitioner = writer.partitioner;
    this.encoding = encoding;
    this.copies = writer.copies === true;
    this.isExternal = plan.external !== undefined;
    const { reader } = plan;
    this.byReference = plan.capabilities.objects && !this.isExternal && reader !== undefined && haveSameValues(codec, reader.codec);
    if (reader === undefined || board === undefined) {
      this.#unwatch = () => {};
      return;
    }
    this.#readers = reader.replicas;
    this.#unwatch = board.watch(plan.name, 'reader', (status) => status && this.#hear(status, reader.broadcast));
    for (const status of board.endsOf(plan.name, 'reader')) this.#hear(status, reader.broadcast);
  }

  hasReader(partition: number): boolean {
    return this.#readerless === undefined || this.#readerless[partition] === 0;
  }

  /** Nothing: there is room for more. The batch must not be touched again. */
  write(batch: OutgoingBatch): Promise<void> | undefined {
    const room = this.#writer.writeRecords(batch);
    if (room === undefined) return undefined;
    // A reader that is done may never make room again, so its leaving ends the wait too.
    const wait = new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(leave);
        resolve();
      };
      this.#waiting.add(leave);
      room.then(leave, (error: unknown) => {
        this.#waiting.delete(leave);
        reject(toError(error, this.name));
      });
    });
    // Nobody may be left to wait for it: the send that it belongs to may fail over another channel.
    wait.catch(() => {});
    return this.#released ? undefined : wait;
  }

  /** The replica stops at once: nobody waits for room any more. What was taken is committed all the same. */
  releaseWaits(): void {
    this.#released = true;
    this.#endWaits();
  }

  close(): void {
    this.#unwatch();
  }

  #endWaits(): void {
    for (const leave of this.#waiting) leave();
  }

  /** Of a reader: it may be done, or begin anew. */
  #hear({ owner, status, reason, replicas = this.#readers }: StatusFact, broadcast: boolean): void {
    if (replicas !== this.#readers) {
      this.#readers = replicas;
      this.#done.clear();
      this.#readerless = undefined;
    }
    const replica = replicaIndex(owner);
    const isDone = status === 'Closed' && reason === 'done';
    if (isDone === this.#done.has(replica)) return;
    if (isDone) this.#done.add(replica);
    else this.#done.delete(replica);
    if (this.#done.size === 0 || (broadcast && this.#done.size < replicas)) {
      this.#readerless = undefined;
      return;
    }
    this.#readerless = Uint8Array.from({ length: this.partitions }, (_, partition) => Number(broadcast || this.#done.has(partition % replicas)));
    this.#endWaits();
  }
}

/** Lays values out as one batch of a channel for a partition; `pick` names those that go there, in order, or all. */
export function layOut(outgoing: Outgoing, partition: number, pick: readonly number[] | undefined, { encoding, byReference, copies }: Pick<OutputChannel, 'encoding' | 'byReference' | 'copies'>): OutgoingBatch {
  const { keys, headers, timestamps, now } = outgoing;
  const values = pick === undefined ? outgoing.values : pick.map((i) => outgoing.values[i]);
  const count = values.length;
  let bytes: Uint8Array = NO_BYTES;
  let bounds: Uint32Array = NO_BOUNDS;
  if (!byReference) ({ bytes, bounds } = encodeValues(values, encoding, copies));
  return {
    partition,
    count,
    objects: byReference ? values : undefined,
    noTombstones: byReference,
    bytes,
    bounds,
    schema: encoding.fingerprint,
    timestamp: now,
    timestamps: timestamps && pick ? Float64Array.from(pick, (i) => timestamps[i]!) : timestamps,
    keys: keys && pick ? pick.map((i) => keys[i]) : keys,
    headers: headers && pick ? pick.map((i) => headers[i]) : headers,
  };
}

/** What is larger is not kept for the next send. */
const LARGE = 16 * 1024 * 1024;
let scratch = Buffer.allocUnsafeSlow(64 * 1024);
let scratchBounds = new Uint32Array(1024);

/**
 * Encodes values one after the other, into memory that all sends of the thread share.
 * @param borrowed give that itself, until the next send; else a copy
 */
function encodeValues(values: readonly unknown[], encoding: Encoding, borrowed: boolean): { bytes: Uint8Array; bounds: Uint32Array } {
  if (scratchBounds.length < 2 * values.length) scratchBounds = new Uint32Array(2 * values.length);
  const bounds = borrowed ? scratchBounds.subarray(0, 2 * values.length) : new Uint32Array(2 * values.length);
  let position = 0;
  for (let i = 0; i < values.length; i++) {
    let end = encoding.encode(values[i], scratch, position);
    while (end < 0 || end > scratch.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(2 * scratch.length, scratch.length + (end < 0 ? -end : end)));
      scratch.copy(larger, 0, 0, position);
      scratch = larger;
      end = encoding.encode(values[i], scratch, position);
    }
    bounds[2 * i] = position;
    bounds[2 * i + 1] = position = end;
  }
  const used = scratch.subarray(0, position);
  const bytes = borrowed ? used : new Uint8Array(used);
  if (scratch.length > LARGE) scratch = Buffer.allocUnsafeSlow(64 * 1024);
  if (scratchBounds.byteLength > LARGE) scratchBounds = new Uint32Array(1024);
  return { bytes, bounds };
}
