import type { Capabilities, ChannelDescription, ChannelSpec, Control, Follower, Owner, Session, Transport } from '../channel/spi.js';
import { capabilitiesOf, type MemoryLocation } from './location.js';
import { closed, type MemorySession } from './session.js';
import { MemorySpace } from './space.js';

export class MemoryTransport implements Transport {
  readonly capabilities: Capabilities;
  readonly identity: string;
  readonly limits: Transport['limits'];
  readonly #space: MemorySpace;
  readonly #sessions = new Set<MemorySession>();
  readonly #followers = new Set<Follower>();
  #closed = false;

  constructor(private readonly location: MemoryLocation) {
    this.#space = MemorySpace.of(location.space);
    this.capabilities = capabilitiesOf(location);
    this.identity = `memory:${location.space}`;
    this.limits = { recordBytes: location.bound.bytes, stateBytes: Infinity };
  }

  async describeChannel(name: string): Promise<ChannelDescription | undefined> {
    this.#check();
    return this.#space.find(name)?.describe();
  }

  async createResources(channels: readonly ChannelSpec[]): Promise<void> {
    this.#check();
    this.#space.create(channels, this.location.bound);
  }

  async deleteResources({ channels = [], owners = [] }: Parameters<Transport['deleteResources']>[0]): Promise<void> {
    this.#check();
    this.#space.delete(channels, owners);
  }

  async open(owner: Owner): Promise<Session> {
    this.#check();
    const session = this.#space.open(this.location, owner, (ended) => this.#sessions.delete(ended));
    this.#sessions.add(session);
    return session;
  }

  control(pipeline: string): Control {
    const log = this.#space.control(pipeline);
    return {
      put: async (key, value) => {
        this.#check();
        log.put(key, value);
      },
      remove: async (key) => {
        this.#check();
        log.remove(key);
      },
      follow: async (prefix, see) => {
        this.#check();
        const follower = log.follow(prefix, see);
        this.#followers.add(follower);
        return {
          close: async () => {
            this.#followers.delete(follower);
            await follower.close();
          },
        };
      },
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all([...this.#sessions, ...this.#followers].map((each) => each.close()));
    this.#followers.clear();
  }

  #check(): void {
    if (this.#closed) throw closed(`the connection to ${this.identity}`);
    this.#space.check();
  }
}
