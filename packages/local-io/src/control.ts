import type { Control, Follower } from '@millrace/core';
import type { Key } from './database.js';
import { TOPIC } from './doorbell.js';
import { fact, keys } from './layout.js';
import type { LocalStore } from './store.js';
import { writeWhere } from './write-queue.js';

/** So many of the latest puts are kept, superseded ones too: who follows sees each of them unless it falls behind further. */
const HISTORY = 1024;
/** How often older ones are removed, in puts. */
const PRUNING = 256;

type See = Parameters<Control['follow']>[1];

interface Put {
  readonly sequence: number;
  readonly key: string;
  /** Undefined: a removal. */
  readonly value: Uint8Array | undefined;
}

const factKey = (pipeline: string, key: string): Key => [pipeline, 'fact', key];
const putKey = (pipeline: string, sequence: number): Key => [pipeline, 'put', sequence];

/** The keyed facts of one pipeline. `check` throws where the connection is closed. */
export function controlOf(store: LocalStore, pipeline: string, check: () => void, followers: Set<Follower>): Control {
  const write = async (key: string, value: Uint8Array | undefined): Promise<void> => {
    check();
    const put = encode(key, value && new Uint8Array(value));
    await store.write({ write: (overlay) => writePut(store, pipeline, key, put, value === undefined, overlay) }, [TOPIC.control]);
  };
  return {
    put: (key, value) => write(key, value),
    remove: (key) => write(key, undefined),
    follow: async (prefix, see) => {
      check();
      const follower = new LocalFollower(store, pipeline, prefix, see, (ended) => followers.delete(ended));
      followers.add(follower);
      return follower;
    },
  };
}

/** The number of the last put, as it will be after what is written before in the transaction. */
function writePut(store: LocalStore, pipeline: string, key: string, put: Buffer, removal: boolean, overlay: Map<string, unknown>): Promise<boolean> {
  const { db, layout } = store;
  const [sequenceName, factName] = [`sequence ${pipeline}`, `fact ${pipeline} ${key}`];
  const { last: stored, pruned } = layout.sequence(pipeline);
  const last = (overlay.get(sequenceName) as number | undefined) ?? stored;
  const there = (overlay.get(factName) as boolean | undefined) ?? db.control.doesExist(factKey(pipeline, key));
  if (removal && !there) return Promise.resolve(true);
  const next = last + 1;
  overlay.set(sequenceName, next);
  overlay.set(factName, !removal);
  const old = next % PRUNING === 0 ? superseded(store, pipeline, next - HISTORY) : [];
  return writeWhere(db, [[keys.sequence(pipeline), last === 0 ? null : last]], () => {
    void db.control.put(putKey(pipeline, next), put);
    if (removal) void db.control.remove(factKey(pipeline, key));
    else void db.control.put(factKey(pipeline, key), sequenceBytes(next));
    for (const each of old) void db.control.remove(each);
    void db.meta.put(keys.sequence(pipeline), fact({ pruned: old.length === 0 ? pruned : next - HISTORY }), next);
  });
}

/** Keys of puts before a number that are not the latest of their key. */
function superseded(store: LocalStore, pipeline: string, before: number): Key[] {
  const { control } = store.db;
  const found: Key[] = [];
  if (before <= 0) return found;
  for (const { key, value } of control.getRange({ start: putKey(pipeline, 0), end: putKey(pipeline, before) })) {
    const sequence = Number(key[2]);
    if (latestOf(store, pipeline, decode(sequence, value).key) !== sequence) found.push(key);
  }
  return found;
}

/** Number of the put that a fact stands at; undefined where there is none. */
function latestOf(store: LocalStore, pipeline: string, key: string): number | undefined {
  const value = store.db.control.get(factKey(pipeline, key));
  return value === undefined ? undefined : Buffer.from(value.buffer, value.byteOffset, value.byteLength).readDoubleBE(0);
}

/** Hands facts to one `see`, in the order of their puts. */
class LocalFollower implements Follower {
  readonly #known = new Set<string>();
  #seen: number;
  #delivering = false;
  #closed = false;
  readonly #look = (): void => this.#deliver();

  constructor(
    private readonly store: LocalStore,
    private readonly pipeline: string,
    private readonly prefix: string,
    private readonly see: See,
    private readonly onClose: (follower: LocalFollower) => void,
  ) {
    store.refresh();
    this.#seen = 0;
    this.#deliver(true);
    store.listen(TOPIC.control, this.#look);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.store.unlisten(TOPIC.control, this.#look);
    this.onClose(this);
  }

  #deliver(first = false): void {
    // Where `see` itself has somebody look, what is new comes after what it is seeing.
    if (this.#delivering) return;
    this.#delivering = true;
    try {
      for (let current = first; ; current = false) {
        const puts = this.#next(current);
        if (puts.length === 0) return;
        for (const put of puts) {
          if (this.#closed) return;
          this.#show(put);
        }
      }
    } finally {
      this.#delivering = false;
    }
  }

  /** What was put since the last look. @param current only what is the latest of its key */
  #next(current: boolean): readonly Put[] {
    const { store, pipeline } = this;
    const { last, pruned } = store.layout.sequence(pipeline);
    if (last === this.#seen) return [];
    const behind = !current && pruned > this.#seen;
    const puts: Put[] = behind ? this.#removed() : [];
    for (const { key, value } of store.db.control.getRange({ start: putKey(pipeline, this.#seen + 1), end: [pipeline, 'put', Infinity] })) {
      const put = decode(Number(key[2]), value);
      if (put.key.startsWith(this.prefix) && (!(current || behind) || latestOf(store, pipeline, put.key) === put.sequence)) puts.push(put);
    }
    this.#seen = last;
    return puts;
  }

  /** Removals whose puts are gone, since they lie too far back. */
  #removed(): Put[] {
    return [...this.#known].filter((key) => latestOf(this.store, this.pipeline, key) === undefined).map((key) => ({ sequence: 0, key, value: undefined }));
  }

  #show({ key, value }: Put): void {
    if (value === undefined && !this.#known.delete(key)) return;
    if (value !== undefined) this.#known.add(key);
    try {
      this.see(key, value);
    } catch (error) {
      // Neither the one who put the fact nor the other followers can do anything about it, yet it must not get lost: it
      // becomes an uncaught exception, as an error in a listener of an EventTarget does.
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}

/** A put as it is stored: 1 for a fact and 0 for a removal, the length of the key in two bytes, the key, the value. */
function encode(key: string, value: Uint8Array | undefined): Buffer {
  const name = Buffer.from(key, 'utf8');
  const head = Buffer.alloc(3);
  head.writeUInt8(value === undefined ? 0 : 1, 0);
  head.writeUInt16LE(name.byteLength, 1);
  return Buffer.concat([head, name, value ?? new Uint8Array(0)]);
}

function decode(sequence: number, put: Uint8Array): Put {
  const bytes = Buffer.from(put.buffer, put.byteOffset, put.byteLength);
  const at = 3 + bytes.readUInt16LE(1);
  return { sequence, key: bytes.toString('utf8', 3, at), value: bytes[0] === 1 ? new Uint8Array(bytes.subarray(at)) : undefined };
}

function sequenceBytes(sequence: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeDoubleBE(sequence, 0);
  return bytes;
}
