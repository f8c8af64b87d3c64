import { MillraceError, type ChannelSpec, type Retention } from '@millrace/core';
import { Channel } from './channel.js';
import { Facts } from './facts.js';
import type { FilesSession } from './session.js';

/** What a line of the journal is made of. Bytes are in base64; `null` removes. */
export type Change =
  | { readonly do: 'channel'; readonly id: number; readonly name: string; readonly partitions: number; readonly retention: Retention }
  | { readonly do: 'delete'; readonly name: string }
  | { readonly do: 'position'; readonly channel: string; readonly group: string; readonly partition: number; readonly at: number }
  | { readonly do: 'start'; readonly channel: string; readonly partition: number; readonly start: number }
  /** The offset after the last record, the segment that it is in, and how much of that segment counts. */
  | { readonly do: 'end'; readonly channel: string; readonly partition: number; readonly end: number; readonly segment: number; readonly bytes: number }
  | { readonly do: 'incarnation'; readonly owner: string; readonly incarnation: number }
  | { readonly do: 'state'; readonly owner: string; readonly key: string; readonly value: string | null }
  | { readonly do: 'fact'; readonly pipeline: string; readonly key: string; readonly value: string | null };

/** What lasts of an owner. */
export interface OwnerRecord {
  incarnation: number;
  readonly state: Map<string, Uint8Array>;
  /** Its latest session: the only one that may append and commit. */
  session: FilesSession | undefined;
}

/** All that stands in a folder but the records: in memory while somebody is connected, and what the journal's changes come to. */
export class Catalog {
  readonly channels = new Map<string, Channel>();
  readonly #owners = new Map<string, OwnerRecord>();
  readonly #facts = new Map<string, Facts>();
  #lastId = 0;

  constructor(private readonly folder: string) {}

  /** @throws MillraceError `MILLRACE_CHANNEL_UNKNOWN` */
  channel(name: string): Channel {
    const channel = this.channels.get(name);
    if (channel === undefined) throw new MillraceError('MILLRACE_CHANNEL_UNKNOWN', `there is no channel ${name} in ${this.folder}`, { channel: name });
    return channel;
  }

  owner(id: string): OwnerRecord {
    const record = this.#owners.get(id) ?? { incarnation: 0, state: new Map<string, Uint8Array>(), session: undefined };
    this.#owners.set(id, record);
    return record;
  }

  facts(pipeline: string): Facts {
    const facts = this.#facts.get(pipeline) ?? new Facts();
    this.#facts.set(pipeline, facts);
    return facts;
  }

  /** What makes channels that are not there, and groups that they lack: all, or where one has other partitions, none. */
  *creating(specs: readonly ChannelSpec[]): Iterable<Change> {
    for (const { name, partitions } of specs) {
      const known = this.channels.get(name)?.partitions.length;
      if (known !== undefined && known !== partitions) throw new MillraceError('MILLRACE_CHANNEL_MISMATCH', `channel ${name} has ${known} partitions, not ${partitions}`, { channel: name });
    }
    for (const { name, partitions, retention = {}, groups = [] } of specs) {
      const { records, bytes, ms } = retention;
      if (!this.channels.has(name)) yield { do: 'channel', id: this.#lastId + 1, name, partitions, retention: JSON.parse(JSON.stringify({ records, bytes, ms })) as Retention };
      const channel = this.channel(name);
      for (const group of groups) {
        if (channel.knows(group)) continue;
        for (const [partition, { start }] of channel.partitions.entries()) yield { do: 'position', channel: name, group, partition, at: start };
      }
    }
  }

  /** What empties an owner's state. Its incarnation stays: it has to grow on, and sessions that were fenced stay so. */
  *forgetting(owner: string): Iterable<Change> {
    for (const key of [...(this.#owners.get(owner)?.state.keys() ?? [])]) yield { do: 'state', owner, key, value: null };
  }

  apply(change: Change): void {
    switch (change.do) {
      case 'channel':
        this.#lastId = Math.max(this.#lastId, change.id);
        this.channels.set(change.name, new Channel(this.folder, change.id, change.name, change.partitions, change.retention));
        break;
      case 'delete':
        this.channels.delete(change.name);
        break;
      case 'position':
        this.channel(change.channel).group(change.group).committed[change.partition] = change.at;
        break;
      case 'start':
        this.channel(change.channel).partition(change.partition).start = change.start;
        break;
      case 'end':
        this.channel(change.channel).partition(change.partition).ended(change.end, change.segment, change.bytes);
        break;
      case 'incarnation':
        this.owner(change.owner).incarnation = change.incarnation;
        break;
      case 'state':
        if (change.value === null) this.owner(change.owner).state.delete(change.key);
        else this.owner(change.owner).state.set(change.key, Buffer.from(change.value, 'base64'));
        break;
      case 'fact':
        this.facts(change.pipeline).put(change.key, change.value === null ? undefined : Buffer.from(change.value, 'base64'));
        break;
    }
  }

  /** Changes that come to the same as all before. */
  *changes(): Iterable<Change> {
    for (const channel of this.channels.values()) yield* channel.changes();
    for (const [owner, { incarnation, state }] of this.#owners) {
      yield { do: 'incarnation', owner, incarnation };
      for (const [key, value] of state) yield { do: 'state', owner, key, value: base64(value) };
    }
    for (const [pipeline, facts] of this.#facts) for (const [key, value] of facts.latest()) yield { do: 'fact', pipeline, key, value: base64(value) };
  }
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
