import { rm } from 'node:fs/promises';
import type { ChannelDescription, ChannelSpec, Control, Follower, Owner, Session, Transport } from '@millrace/core';
import { base64 } from './catalog.js';
import { CAPABILITIES, LIMITS } from './location.js';
import { closed, FilesSession } from './session.js';
import type { Store } from './store.js';

/** A connection to a folder. */
export class FilesTransport implements Transport {
  readonly capabilities = CAPABILITIES;
  readonly limits = LIMITS;
  readonly #open = new Set<{ close(): Promise<void> }>();
  #closed = false;

  constructor(private readonly store: Store) {}

  get identity(): string {
    return `files:${this.store.path}`;
  }

  async describeChannel(name: string): Promise<ChannelDescription | undefined> {
    this.#check();
    return this.store.catalog.channels.get(name)?.describe();
  }

  async createResources(channels: readonly ChannelSpec[]): Promise<void> {
    this.#check();
    await this.store.change((draft) => {
      for (const change of this.store.catalog.creating(channels)) draft.record(change);
    });
  }

  async deleteResources({ channels = [], owners = [] }: Parameters<Transport['deleteResources']>[0]): Promise<void> {
    this.#check();
    const { catalog } = this.store;
    await this.store.change((draft) => {
      for (const name of channels) {
        const channel = catalog.channels.get(name);
        if (channel === undefined) continue;
        channel.delete();
        draft.record({ do: 'delete', name });
        draft.afterwards(async () => {
          for (const partition of channel.partitions) await partition.close();
          await rm(channel.path, { recursive: true, force: true });
        });
      }
      for (const owner of owners) draft.record(...catalog.forgetting(owner));
    });
  }

  async open(owner: Owner): Promise<Session> {
    this.#check();
    const session = await FilesSession.open(this.store, owner, (ended) => this.#open.delete(ended));
    this.#open.add(session);
    if (this.#closed) await session.close();
    return session;
  }

  control(pipeline: string): Control {
    const facts = this.store.catalog.facts(pipeline);
    const change = async (key: string, value: string | null): Promise<void> => {
      this.#check();
      await this.store.change((draft) => {
        draft.record({ do: 'fact', pipeline, key, value });
        draft.afterwards(() => facts.tell());
      });
    };
    return {
      put: (key, value) => change(key, base64(value)),
      remove: (key) => change(key, null),
      follow: async (prefix, see): Promise<Follower> => {
        this.#check();
        const follower = await this.store.change(() => facts.follow(prefix, see));
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
    await this.store.leave();
  }

  #check(): void {
    if (this.#closed) throw closed(`the connection to ${this.identity}`);
  }
}
