import { failPoint, MillraceError, type Capabilities, type ChannelDescription, type ChannelSpec, type Control, type Follower, type Owner, type Session, type Transport } from '@millrace/core';
import { controlOf } from './control.js';
import { TOPIC } from './doorbell.js';
import { fact, keys } from './layout.js';
import { RECORD_BYTES, STATE_BYTES } from './limits.js';
import { CAPABILITIES } from './location.js';
import { createChannels, deleteChannels, describe, sweep } from './resources.js';
import { LocalSession } from './session.js';
import { LocalStore } from './store.js';
import { writeWhere } from './write-queue.js';

export class LocalTransport implements Transport {
  readonly capabilities: Capabilities = CAPABILITIES;
  readonly identity: string;
  readonly limits: Transport['limits'] = { recordBytes: RECORD_BYTES, stateBytes: STATE_BYTES };
  readonly #sessions = new Set<LocalSession>();
  readonly #followers = new Set<Follower>();
  #closing: Promise<void> | undefined;

  constructor(
    private readonly store: LocalStore,
    private readonly folder: string,
  ) {
    this.identity = `local:${folder}`;
    sweep(store);
  }

  async describeChannel(name: string): Promise<ChannelDescription | undefined> {
    this.#check();
    return describe(this.store, name);
  }

  async createResources(channels: readonly ChannelSpec[]): Promise<void> {
    this.#check();
    await createChannels(this.store, channels);
  }

  async deleteResources({ channels = [], owners = [] }: Parameters<Transport['deleteResources']>[0]): Promise<void> {
    this.#check();
    await deleteChannels(this.store, channels, owners);
  }

  async open(owner: Owner): Promise<Session> {
    this.#check();
    const { store } = this;
    let incarnation = 0;
    await store.write({
      write: () => {
        const last = store.layout.incarnation(owner.id);
        incarnation = last + 1;
        return writeWhere(store.db, [[keys.incarnation(owner.id), last === 0 ? null : last]], () => void store.db.meta.put(keys.incarnation(owner.id), fact({}), incarnation));
      },
    }, [TOPIC.owners]);
    failPoint('after-fence');
    const session = new LocalSession(store, owner, incarnation, (ended) => this.#sessions.delete(ended));
    if (this.#closing !== undefined) await session.close();
    else this.#sessions.add(session);
    return session;
  }

  control(pipeline: string): Control {
    return controlOf(this.store, pipeline, () => this.#check(), this.#followers);
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#sessions, ...this.#followers].map((each) => each.close()));
    await LocalStore.release(this.folder);
  }

  #check(): void {
    if (this.#closing !== undefined) throw new MillraceError('MILLRACE_SESSION_CLOSED', `the connection to ${this.identity} is closed`);
  }
}
