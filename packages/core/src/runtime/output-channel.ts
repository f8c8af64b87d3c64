import type { ChannelWriter, RecordHeader } from '../channel/spi.js';
import type { StatusBoard, StatusFact } from '../channel/status-board.js';
import { haveSameValues, type Codec } from '../codec/index.js';
import { MillraceError, toError } from '../error/index.js';
import type { Encoding } from '../external/index.js';
import { replicaIndex, type ChannelPlan } from '../plan/plan.js';

const NO_BYTES = new Uint8Array(0);
const NO_BOUNDS = new Uint32Array(0);
/** Values of a send are being encoded. */
let isEncoding = false;

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

  /**
   * Writes values into a partition; `pick` names those that go there, in order, or all. Nothing: there is room for more.
   * @param counters whose bytes it counts
   */
  write(outgoing: Outgoing, partition: number, pick: readonly number[] | undefined, counters: { bytes: number }): Promise<void> | undefined {
    const room = this.#hand(pick === undefined ? outgoing : picked(outgoing, pick), partition, counters);
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

  /** Hands values to the writer: as they are, to be encoded, or encoded. */
  #hand({ values, keys, headers, timestamps, now: timestamp }: Outgoing, partition: number, counters: { bytes: number }): Promise<void> | undefined {
    const writer = this.#writer;
    const { encoding } = this;
    const count = values.length;
    const schema = encoding.fingerprint;
    if (this.byReference) return writer.writeRecords({ partition, count, objects: values, noTombstones: true, bytes: NO_BYTES, bounds: NO_BOUNDS, schema, timestamp, timestamps, keys, headers });
    // What a getter of a value sends would go where that value is just being written.
    if (isEncoding) throw new MillraceError('MILLRACE_VALUE_INVALID', `a value that was being encoded sent another one to ${this.name}`, { channel: this.name });
    let encoded: { readonly bytes: Uint8Array; readonly bounds: Uint32Array };
    isEncoding = true;
    try {
      if (writer.writeValues !== undefined) {
        const { bytes, room } = writer.writeValues({ partition, values, encoding, schema, timestamp, timestamps, keys, headers });
        counters.bytes += bytes;
        return room;
      }
      encoded = encodeValues(values, encoding);
    } finally {
      isEncoding = false;
    }
    const { bytes, bounds } = encoded;
    const room = writer.writeRecords({ partition, count, bytes, bounds, schema, timestamp, timestamps, keys, headers });
    counters.bytes += bytes.length;
    return room;
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

function picked({ values, keys, headers, timestamps, now }: Outgoing, pick: readonly number[]): Outgoing {
  return {
    values: pick.map((i) => values[i]),
    keys: keys && pick.map((i) => keys[i]),
    headers: headers && pick.map((i) => headers[i]),
    timestamps: timestamps && Float64Array.from(pick, (i) => timestamps[i]!),
    now,
  };
}

let scratch = Buffer.allocUnsafeSlow(64 * 1024);

/** Encodes values one after the other; the scratch buffer is shared by all sends of the thread and copied from once. */
function encodeValues(values: readonly unknown[], encoding: Encoding): { bytes: Uint8Array; bounds: Uint32Array } {
  const bounds = new Uint32Array(2 * values.length);
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
  const bytes = new Uint8Array(scratch.subarray(0, position));
  if (scratch.length > 16 * 1024 * 1024) scratch = Buffer.allocUnsafeSlow(64 * 1024);
  return { bytes, bounds };
}
