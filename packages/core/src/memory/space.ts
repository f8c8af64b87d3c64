import type { ChannelSpec, Owner } from '../channel/spi.js';
import { MillraceError } from '../error/index.js';
import { MemoryChannel, unknownChannel } from './channel.js';
import { ControlLog } from './control.js';
import type { Bound, MemoryLocation } from './location.js';
import { MemorySession, closed, type SessionStore } from './session.js';

const spaces = new Map<string, MemorySpace>();

/** A store of this process: channels, positions, state and facts. Lives until it is dropped, whoever connects. */
export class MemorySpace implements SessionStore {
  readonly #states = new Map<string, Map<string, Uint8Array>>();
  readonly #channels = new Map<string, MemoryChannel>();
  readonly #incarnations = new Map<string, number>();
  readonly #sessions = new Map<string, MemorySession>();
  readonly #controls = new Map<string, ControlLog>();
  #dropped = false;

  private constructor(readonly name: string) {}

  /** The space of a name, made at first use. */
  static of(name: string): MemorySpace {
    let space = spaces.get(name);
    if (space === undefined) spaces.set(name, (space = new MemorySpace(name)));
    return space;
  }

  /** @throws MillraceError `MILLRACE_CHANNEL_UNKNOWN` */
  channel(name: string): MemoryChannel {
    const channel = this.#channels.get(name);
    if (channel === undefined) throw unknownChannel(name);
    return channel;
  }

  find(name: string): MemoryChannel | undefined {
    return this.#channels.get(name);
  }

  create(specs: readonly ChannelSpec[], bound: Bound): void {
    const partitions = new Map<string, number>();
    for (const spec of specs) {
      if (!Number.isSafeInteger(spec.partitions) || spec.partitions < 1) {
        throw new MillraceError('MILLRACE_OPTION_INVALID', `channel ${spec.name} cannot have ${spec.partitions} partitions`, { channel: spec.name });
      }
      const there = this.#channels.get(spec.name)?.logs.length ?? partitions.get(spec.name) ?? spec.partitions;
      if (there !== spec.partitions) {
        throw new MillraceError('MILLRACE_CHANNEL_MISMATCH', `channel ${spec.name} has ${there} partition${there === 1 ? '' : 's'}, not ${spec.partitions}`, { channel: spec.name });
      }
      partitions.set(spec.name, spec.partitions);
    }
    for (const spec of specs) {
      const channel = this.#channels.get(spec.name);
      if (channel === undefined) this.#channels.set(spec.name, new MemoryChannel(spec, bound));
      else for (const group of spec.groups ?? []) channel.register(group);
    }
  }

  delete(channels: readonly string[], owners: readonly string[]): void {
    for (const name of channels) {
      this.#channels.get(name)?.delete();
      this.#channels.delete(name);
    }
    for (const owner of owners) this.#states.delete(owner);
  }

  /** The stored state of an owner, to be changed. */
  stateOf(owner: string): Map<string, Uint8Array> {
    let state = this.#states.get(owner);
    if (state === undefined) this.#states.set(owner, (state = new Map<string, Uint8Array>()));
    return state;
  }

  open(location: MemoryLocation, owner: Owner, onClose: (session: MemorySession) => void): MemorySession {
    this.check();
    const earlier = this.#sessions.get(owner.id);
    const incarnation = (this.#incarnations.get(owner.id) ?? 0) + 1;
    this.#incarnations.set(owner.id, incarnation);
    earlier?.fail(new MillraceError('MILLRACE_FENCED', `session ${earlier.incarnation} of ${owner.id} was replaced by session ${incarnation}`, { operator: owner.id }));
    const session = new MemorySession(this, location, owner, incarnation, (ended) => {
      if (this.#sessions.get(owner.id) === ended) this.#sessions.delete(owner.id);
      onClose(ended);
    });
    this.#sessions.set(owner.id, session);
    return session;
  }

  control(pipeline: string): ControlLog {
    let control = this.#controls.get(pipeline);
    if (control === undefined) this.#controls.set(pipeline, (control = new ControlLog()));
    return control;
  }

  /** @throws MillraceError `MILLRACE_SESSION_CLOSED` once the space is dropped. */
  check(): void {
    if (this.#dropped) throw closed(`memory space ${JSON.stringify(this.name)} was dropped and`);
  }

  drop(): void {
    this.#dropped = true;
    spaces.delete(this.name);
    for (const session of this.#sessions.values()) session.fail(closed(`memory space ${JSON.stringify(this.name)} was dropped and`));
    for (const channel of this.#channels.values()) channel.delete();
    this.#sessions.clear();
    this.#channels.clear();
  }
}

/**
 * Drops a space of the memory backend with all that is in it: channels, positions, state, facts. For tests. Sessions that are
 * open there fail with `MILLRACE_SESSION_CLOSED`; who connects next finds an empty space.
 *
 * @param name the space, as in `memory:<space>`; the default is that of `memory:`
 * @returns whether there was one
 */
export function dropMemorySpace(name = ''): boolean {
  const space = spaces.get(name);
  space?.drop();
  return space !== undefined;
}
