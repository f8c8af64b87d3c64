import { failPoint, MillraceError, type ChannelWriter, type Offsets } from '@millrace/core';
import type { Key } from './database.js';
import { compact, isCompactionDue } from './compaction.js';
import { place } from './frame.js';
import { framesOf, type Framed } from './gathering.js';
import { fact, keys, type ChannelFact, type End } from './layout.js';
import type { LocalReader } from './reader.js';
import { unknownChannel } from './resources.js';
import type { LocalStore } from './store.js';
import { planTrim, writeTrim, type Trim } from './trim.js';
import { writeWhere, type Change } from './write-queue.js';
import type { Staged } from './writer.js';

/** A partition is trimmed at each so-many-th commit of positions: together it costs less. */
const TRIM_EVERY = 8;

/** Whose commit it is. */
interface Committer {
  readonly owner: string;
  readonly incarnation: number;
}

/** Positions of a reader that are to be committed. */
interface Move {
  readonly reader: LocalReader;
  readonly offsets: Offsets;
}

/** A commit of a session: its records, positions and state, in one atom, where the session is its owner's latest. */
export class Commit implements Change {
  /** For each writer, where its records end: as of the last attempt. */
  ends = new Map<ChannelWriter, Map<number, number>>();
  /** Channels that get records. */
  readonly topics: ReadonlySet<number>;
  readonly #framed: readonly Framed[];

  constructor(
    private readonly store: LocalStore,
    private readonly committer: Committer,
    staged: readonly Staged[],
    private readonly moves: readonly Move[],
    private readonly state: ReadonlyMap<string, Uint8Array | undefined>,
  ) {
    this.#framed = framesOf(staged);
    this.topics = new Set(staged.map(({ writer }) => writer.target.id));
  }

  /** Whether there is nothing to write. */
  get isEmpty(): boolean {
    return this.#framed.length === 0 && this.state.size === 0 && this.moves.every(({ offsets }) => offsets.size === 0);
  }

  write(overlay: Map<string, unknown>): Promise<boolean> {
    const { store, committer } = this;
    const { db, layout } = store;
    const current = layout.incarnation(committer.owner);
    if (current !== committer.incarnation) {
      throw new MillraceError('MILLRACE_FENCED', `session ${committer.incarnation} of ${committer.owner} was replaced by session ${current}`, { operator: committer.owner });
    }
    const conditions = new Map<string, readonly [Key, number]>([['owner', [keys.incarnation(committer.owner), current]]]);
    const puts: [Key, Buffer][] = [];
    const ends = new Map<string, { readonly key: Key; readonly end: End }>();
    this.ends = new Map();
    for (const { writer, partition, count, frame } of this.#framed) {
      const { id } = writer.target;
      const name = `end ${id} ${partition}`;
      const key = keys.end(id, partition);
      const before = ends.get(name)?.end ?? (overlay.get(name) as End | undefined) ?? layout.end(id, partition);
      if (before === undefined) throw unknownChannel(writer.channel);
      if (!ends.has(name)) conditions.set(name, [key, before.end]);
      const end = { end: before.end + count, bytes: before.bytes + frame.byteLength };
      place(frame, end.end, before.bytes);
      puts.push([keys.batch(id, partition, before.end), frame]);
      ends.set(name, { key, end });
      this.#note(writer, partition, end.end);
    }
    const trims: Trim[] = [];
    for (const { reader, offsets } of this.moves) {
      for (const [partition, at] of offsets) {
        this.#checkChannel(reader);
        conditions.set(`channel ${reader.source.id}`, [keys.channel(reader.channel), reader.source.id]);
        const trim = this.#trim(reader.source, partition, new Map([[reader.group, at]]), overlay);
        if (trim !== undefined) trims.push(trim);
      }
    }
    for (const [name, { end }] of ends) overlay.set(name, end);
    const held = writeWhere(db, [...conditions.values()], () => {
      for (const [key, frame] of puts) void db.log.put(key, frame);
      failPoint('in-transaction');
      for (const { key, end } of ends.values()) void db.meta.put(key, fact(end), end.end);
      for (const { reader, offsets } of this.moves) {
        for (const [partition, at] of offsets) void db.meta.put(keys.position(reader.source.id, partition, reader.group), fact({ at, committed: true }), 0);
      }
      for (const [key, value] of this.state) {
        if (value === undefined) void db.state.remove([committer.owner, key]);
        else void db.state.put([committer.owner, key], value);
      }
      for (const trim of trims) writeWhere(db, [[trim.key, trim.version]], () => writeTrim(store, trim)).catch(() => undefined);
    });
    return held;
  }

  /** Has compacted channels compacted that this commit gave enough reason for. To be called once it is through. */
  compactWhereDue(): void {
    const touched = [...this.#framed.map(({ writer, partition }) => [writer.target, partition] as const), ...this.moves.flatMap(({ reader, offsets }) => Array.from(offsets.keys(), (partition) => [reader.source, partition] as const))];
    for (const [channel, partition] of touched) {
      if (channel.retention?.compact !== true || !isCompactionDue(this.store, channel, partition)) continue;
      this.store.inBackground(`compact ${channel.id} ${partition}`, () => compact(this.store, channel, partition));
    }
  }

  #checkChannel({ channel, source }: LocalReader): void {
    if (this.store.layout.channel(channel)?.id !== source.id) throw unknownChannel(channel);
  }

  #trim(channel: ChannelFact, partition: number, moved: ReadonlyMap<string, number>, overlay: Map<string, unknown>): Trim | undefined {
    if (channel.retention?.compact === true || !this.store.isTrimDue(channel.id, partition, TRIM_EVERY)) return undefined;
    const end = this.store.layout.end(channel.id, partition);
    const name = `trimmed ${channel.id} ${partition}`;
    if (end === undefined || overlay.has(name)) return undefined;
    overlay.set(name, true);
    return planTrim(this.store, channel, partition, end, moved);
  }

  #note(writer: ChannelWriter, partition: number, end: number): void {
    let ends = this.ends.get(writer);
    if (ends === undefined) this.ends.set(writer, (ends = new Map<number, number>()));
    ends.set(partition, end);
  }
}
