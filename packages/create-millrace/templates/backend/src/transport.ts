import type { ChannelDescription, ChannelSpec, Control, Follower, Owner, Session, Transport } from '@millrace/core';
import { CAPABILITIES, LIMITS } from './location.js';
import type { Place } from './place.js';
import { closed, SkeletonSession } from './session.js';

/** A connection to a place. */
export class SkeletonTransport implements Transport {
  readonly capabilities = CAPABILITIES;
  readonly limits = LIMITS;
  readonly #open = new Set<{ close(): Promise<void> }>();
  #closed = false;

  constructor(private readonly place: Place) {}

  get identity(): string {
    return `skeleton:${this.place.name}`;
  }

  async describeChannel(name: string): Promise<ChannelDescription | undefined> {
    this.#check();
    return this.place.find(name)?.describe();
  }

  async createResources(channels: readonly ChannelSpec[]): Promise<void> {
    this.#check();
    this.place.create(channels);
  }

  async deleteResources({ channels = [], owners = [] }: Parameters<Transport['deleteResources']>[0]): Promise<void> {
    this.#check();
    this.place.delete(channels, owners);
  }

  async open(owner: Owner): Promise<Session> {
    this.#check();
    const session: SkeletonSession = new SkeletonSession(this.place, owner, () => this.#open.delete(session));
    this.#open.add(session);
    return session;
  }

  control(pipeline: string): Control {
    const facts = this.place.facts(pipeline);
    return {
      put: async (key, value) => {
        this.#check();
        facts.put(key, value);
      },
      remove: async (key) => {
        this.#check();
        facts.put(key, undefined);
      },
      follow: async (prefix, see): Promise<Follower> => {
        this.#check();
        const follower = facts.follow(prefix, see);
        this.#open.add(follower);
        return {
          close: async () => {
            this.#open.delete(follower);
            await follower.close();
          },
        };
      },
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all([...this.#open].map((each) => each.close()));
    this.place.leave();
  }

  #check(): void {
    if (this.#closed) throw closed(`the connection to ${this.identity}`);
  }
}
