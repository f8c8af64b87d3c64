import { MillraceError, type ChannelSpec } from '@millrace/core';
import { Channel } from './channel.js';
import { Facts } from './facts.js';
import type { SkeletonSession } from './session.js';

/** What lasts of an owner. */
export interface OwnerRecord {
  incarnation: number;
  readonly state: Map<string, Uint8Array>;
  /** Its latest session: the only one that may append and commit. */
  session: SkeletonSession | undefined;
}

/**
 * What stands at a location: channels with their records and positions, states, facts. Here it is in memory, shared by all
 * connections of this thread and gone with the last of them. This is the part to replace by what you want to carry channels.
 */
export class Place {
  static readonly #open = new Map<string, Place>();
  readonly #channels = new Map<string, Channel>();
  readonly #owners = new Map<string, OwnerRecord>();
  readonly #facts = new Map<string, Facts>();
  #connections = 0;

  private constructor(readonly name: string) {}

  static enter(name: string): Place {
    const place = Place.#open.get(name) ?? new Place(name);
    Place.#open.set(name, place);
    place.#connections++;
    return place;
  }

  leave(): void {
    if (--this.#connections === 0) Place.#open.delete(this.name);
  }

  find(channel: string): Channel | undefined {
    return this.#channels.get(channel);
  }

  /** @throws MillraceError `MILLRACE_CHANNEL_UNKNOWN` */
  channel(name: string): Channel {
    const channel = this.#channels.get(name);
    if (channel === undefined) throw new MillraceError('MILLRACE_CHANNEL_UNKNOWN', `there is no channel ${name} at skeleton:${this.name}`, { channel: name });
    return channel;
  }

  /** Makes all of the channels or, where one exists with other partitions, none. */
  create(specs: readonly ChannelSpec[]): void {
    for (const { name, partitions } of specs) {
      const known = this.#channels.get(name)?.partitions.length;
      if (known !== undefined && known !== partitions) throw new MillraceError('MILLRACE_CHANNEL_MISMATCH', `channel ${name} has ${known} partitions, not ${partitions}`, { channel: name });
    }
    for (const spec of specs) {
      const channel = this.#channels.get(spec.name) ?? new Channel(spec);
      for (const group of spec.groups ?? []) channel.register(group);
      this.#channels.set(spec.name, channel);
    }
  }

  delete(channels: readonly string[], owners: readonly string[]): void {
    for (const name of channels) {
      this.#channels.get(name)?.delete();
      this.#channels.delete(name);
    }
    // The incarnation stays: it has to grow on, and sessions that were fenced stay so.
    for (const owner of owners) this.#owners.get(owner)?.state.clear();
  }

  owner(id: string): OwnerRecord {
    const known = this.#owners.get(id) ?? { incarnation: 0, state: new Map<string, Uint8Array>(), session: undefined };
    this.#owners.set(id, known);
    return known;
  }

  facts(pipeline: string): Facts {
    const facts = this.#facts.get(pipeline) ?? new Facts();
    this.#facts.set(pipeline, facts);
    return facts;
  }
}
