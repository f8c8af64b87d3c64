import { MillraceError, type ChannelDescription, type ChannelSpec, type Control, type Offsets, type Owner, type Session, type Transport } from '@millrace/core';
import type { KafkaTransport } from '../channel/transport.js';
import { askOffsets } from '../offsets.js';
import { isPypz } from '../options/index.js';
import { groupsOf } from './names.js';
import { PypzControl } from './pypz-control.js';
import { PypzResources } from './resources.js';
import { PypzSession } from './session.js';
import { StatusExchange } from './status-exchange.js';

/**
 * A location where channels are shared with Python's pypz, all or some: its topics, names, groups and statuses. Control and state of the
 * pipeline, and other channels, stand in Millrace's own topics beside them.
 */
export class PypzTransport implements Transport {
  readonly #exchange: StatusExchange;
  readonly #resources: PypzResources;

  constructor(private readonly inner: KafkaTransport) {
    const { client, settings, budget, logger, patience, positions } = inner;
    this.#exchange = new StatusExchange({ client, settings, budget, logger, patience });
    this.#resources = new PypzResources(client, positions, settings, this.#exchange);
  }

  get capabilities(): Transport['capabilities'] {
    return this.inner.capabilities;
  }

  get identity(): string {
    return this.#isShared(undefined) ? `${this.inner.identity} pypz` : this.inner.identity;
  }

  get limits(): Transport['limits'] {
    return this.inner.limits;
  }

  async describeChannel(name: string): Promise<ChannelDescription | undefined> {
    if (!this.#isShared(name)) return await this.inner.describeChannel(name);
    const found = await this.#resources.topics.find(name);
    if (found === undefined) return undefined;
    const { client, positions } = this.inner;
    const partitions = found.partitions.map(({ partition }) => partition);
    const [starts, ends, committed] = await Promise.all([
      askOffsets(client, name, partitions, 'earliest', 'read_committed'),
      askOffsets(client, name, partitions, 'latest', 'read_committed'),
      positions.ofTopic(name, partitions),
    ]);
    const groups = new Map<string, Offsets>();
    for (const [group, offsets] of committed) for (const own of groupsOf(name, group)) groups.set(own, offsets);
    return { name, partitions: partitions.length, starts, ends, groups };
  }

  /** Checks what is there. What is not is made by the reader's principal when it opens its port, which may be pypz's. */
  async createResources(channels: readonly ChannelSpec[]): Promise<void> {
    const own = channels.filter(({ name }) => !this.#isShared(name));
    if (own.length > 0) await this.inner.createResources(own);
    for (const { name, partitions } of channels.filter(({ name }) => this.#isShared(name))) {
      const found = (await this.#resources.topics.find(name))?.partitions.length;
      if (found !== undefined && found !== partitions) throw new MillraceError('MILLRACE_CHANNEL_MISMATCH', `topic ${name} has ${found} partitions, not ${partitions}`, { channel: name });
    }
  }

  async deleteResources({ channels = [], owners = [] }: Parameters<Transport['deleteResources']>[0]): Promise<void> {
    await this.#resources.delete(channels.filter((channel) => this.#isShared(channel)));
    await this.inner.deleteResources({ channels: channels.filter((channel) => !this.#isShared(channel)), owners });
  }

  async open(owner: Owner): Promise<Session> {
    return new PypzSession(await this.inner.open(owner), this.#exchange, this.#resources, (channel, external) => this.#isShared(external ? undefined : channel));
  }

  control(pipeline: string): Control {
    return new PypzControl(this.inner.control(pipeline), this.#exchange);
  }

  async close(): Promise<void> {
    this.#exchange.close(new MillraceError('MILLRACE_SESSION_CLOSED', `the connection to ${this.identity} is closed`));
    await this.inner.close();
  }

  /** Without a channel of the pipeline: whether all are. */
  #isShared(channel: string | undefined): boolean {
    return isPypz(this.inner.settings, channel);
  }
}
