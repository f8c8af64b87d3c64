import type { Retention } from '@millrace/core';
import type { Database, Fact, Key } from './database.js';

/** A channel as it is stored under its name. */
export interface ChannelFact {
  /** Stands for the channel in the keys of its data; never given again. */
  readonly id: number;
  readonly partitions: number;
  readonly retention?: Retention;
}

/** Where a partition ends: the offset, which is the version of the entry, and the bytes ever written. */
export interface End {
  readonly end: number;
  readonly bytes: number;
}

/** Where a partition begins, and up to where it is compacted. */
export interface Start {
  readonly start: number;
  /** Offset up to which a compacted partition was compacted last, and the records that were left. */
  readonly compacted?: number;
  readonly left?: number;
}

/** Where a group stands in a partition. */
export interface Position {
  readonly at: number;
  /** False: a reader was placed there and has committed nothing yet. */
  readonly committed: boolean;
}

/** The keys of the tables; the README lists them for other programs. */
export const keys = {
  channel: (name: string): Key => ['channel', name],
  end: (id: number, partition: number): Key => ['end', id, partition],
  start: (id: number, partition: number): Key => ['start', id, partition],
  position: (id: number, partition: number, group: string): Key => ['position', id, partition, group],
  incarnation: (owner: string): Key => ['incarnation', owner],
  /** The last id given to a channel; its version is the number. */
  lastId: (): Key => ['lastId'],
  /** A deleted channel whose data is still to go. */
  doomed: (id: number): Key => ['doomed', id],
  /** The number of the last fact of a pipeline; its version is the number. */
  sequence: (pipeline: string): Key => ['sequence', pipeline],
  door: (id: string): Key => ['door', id],
  /** Changes with the doors. */
  doors: (): Key => ['doors'],
  batch: (id: number, partition: number, base: number): Key => [id, partition, base],
} as const;

/** An entry of the meta table with its version, which conditional writes name. */
export interface Entry<T> {
  readonly value: T;
  readonly version: number;
}

/** Reads the meta table; within a transaction of its own it sees what that wrote. */
export class Layout {
  constructor(private readonly db: Database) {}

  channel(name: string): ChannelFact | undefined {
    return this.#get<ChannelFact>(keys.channel(name))?.value;
  }

  end(id: number, partition: number): End | undefined {
    return this.#get<End>(keys.end(id, partition))?.value;
  }

  start(id: number, partition: number): Entry<Start> | undefined {
    return this.#get<Start>(keys.start(id, partition));
  }

  position(id: number, partition: number, group: string): Position | undefined {
    return this.#get<Position>(keys.position(id, partition, group))?.value;
  }

  /** Every group's place in a partition. */
  positions(id: number, partition: number): Map<string, Position> {
    const found = new Map<string, Position>();
    for (const { key, value } of this.db.meta.getRange({ start: ['position', id, partition], end: ['position', id, partition + 1] })) {
      found.set(String(key[3]), value as unknown as Position);
    }
    return found;
  }

  incarnation(owner: string): number {
    return this.#get(keys.incarnation(owner))?.version ?? 0;
  }

  /** Number of the last fact of a pipeline, and the number up to which superseded ones are gone. */
  sequence(pipeline: string): { readonly last: number; readonly pruned: number } {
    const entry = this.#get<{ pruned: number }>(keys.sequence(pipeline));
    return { last: entry?.version ?? 0, pruned: entry?.value.pruned ?? 0 };
  }

  #get<T>(key: Key): Entry<T> | undefined {
    const entry = this.db.meta.getEntry(key);
    return entry === undefined ? undefined : { value: entry.value as unknown as T, version: entry.version ?? 0 };
  }
}

/** A value as the meta table takes it. */
export function fact(value: object): Fact {
  return value as Fact;
}
