import { MillraceError, type ChannelReader, type ChannelRole, type ChannelWriter, type CommitResult, type MaybePromise, type Positions, type ReaderOptions, type Session, type StateChanges, type WriterOptions } from '@millrace/core';
import type { KafkaSession } from '../channel/session.js';
import { consumerGroup, senderOf, type Side } from './names.js';
import type { PypzResources } from './resources.js';
import type { StatusExchange, Watch } from './status-exchange.js';
import { hasEnded } from './status-log.js';
import { PypzChannelWriter, type Gate } from './writer.js';

const OPEN: Gate = { isOpen: true, opened: Promise.resolve() };

/**
 * An owner some of whose channels are shared with pypz. Positions and state are committed as ever, the positions under pypz's group
 * names; the data of those channels is bare, and outside transactions.
 */
export class PypzSession implements Session {
  readonly #writers: PypzChannelWriter[] = [];
  readonly #watches: Watch[] = [];
  #isClosed = false;

  constructor(
    private readonly inner: KafkaSession,
    private readonly exchange: StatusExchange,
    private readonly resources: PypzResources,
    private readonly isShared: (channel: string, external: boolean) => boolean,
  ) {}

  get owner(): string {
    return this.inner.owner;
  }

  get incarnation(): number {
    return this.inner.incarnation;
  }

  get state(): ReadonlyMap<string, Uint8Array> {
    return this.inner.state;
  }

  get wantsCommit(): boolean {
    return this.inner.wantsCommit;
  }

  get failure(): Error | undefined {
    return this.inner.failure;
  }

  /** The principal makes the topics, as in pypz; its replicas wait for them. */
  async reader(channel: string, options: ReaderOptions): Promise<ChannelReader> {
    if (!this.isShared(channel, options.external === true)) return await this.inner.reader(channel, options);
    const role = roleOf(channel, options);
    const sender = senderOf(this.owner, role.port, role.replicas);
    const partitions = options.group === channel ? role.replicas : 1;
    if (sender.index === 0) await this.resources.create(channel, partitions);
    else await this.resources.wait(channel);
    await this.#watch(channel, 'writer', role.peers);
    // The principal waits for its group to end.
    if (sender.index === 0 && role.replicas > 1) await this.#watch(channel, 'reader', this.#group(role.replicas));
    const reader = await this.inner.reader(channel, { ...options, external: true, group: consumerGroup(channel, options.group, partitions) });
    this.exchange.join({ channel, side: 'reader', owner: this.owner, sender, records: () => reader.given });
    return reader;
  }

  async writer(channel: string, options?: WriterOptions): Promise<ChannelWriter> {
    if (!this.isShared(channel, options?.external === true)) return await this.inner.writer(channel, options);
    const role = roleOf(channel, options);
    // Dead letters that nobody reads have no principal to make their topics.
    const hasReader = role.peers.length > 0;
    if (hasReader) await this.resources.wait(channel);
    else await this.resources.create(channel, 1);
    const inner = await this.inner.writer(channel, { external: true });
    const writer = new PypzChannelWriter(inner, hasReader ? await this.#gate(channel, inner.partitions, role.peers[0]!) : OPEN);
    this.exchange.join({ channel, side: 'writer', owner: this.owner, sender: senderOf(this.owner, role.port, role.replicas), records: () => writer.written });
    this.#writers.push(writer);
    return writer;
  }

  commit(positions: Positions, stateChanges?: StateChanges): MaybePromise<CommitResult> {
    const held = this.#writers.filter((writer) => writer.holds);
    if (held.length === 0) return this.#commit(positions, stateChanges);
    return Promise.all(held.map((writer) => writer.released)).then(() => this.#commit(positions, stateChanges));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.exchange.unwatch(this.#watches);
    await this.inner.close();
  }

  async #commit(positions: Positions, stateChanges: StateChanges | undefined): Promise<CommitResult> {
    const { ends } = await this.inner.commit(positions, stateChanges);
    const own = new Map(this.#writers.map((writer) => [writer.inner, writer]));
    return { ends: new Map(Array.from(ends, ([writer, offsets]) => [own.get(writer) ?? writer, offsets])) };
  }

  #group(replicas: number): readonly string[] {
    const operator = this.owner.slice(0, this.owner.lastIndexOf('#'));
    return Array.from({ length: replicas - 1 }, (_, i) => `${operator}#${i + 1}`);
  }

  /** Fails the session where foreign ends are silent; hears them from now on. */
  async #watch(channel: string, side: Side, owners: readonly string[], isOver: () => boolean = () => this.#isClosed): Promise<void> {
    await this.exchange.log(channel, side);
    const watch: Watch = { channel, side, owners, isOver, fail: (error) => this.inner.fail(error) };
    this.#watches.push(watch);
    this.exchange.watch(watch);
  }

  /** Opens once the principal of the readers has spoken since this session began. */
  async #gate(channel: string, partitions: number, principal: string): Promise<Gate> {
    const log = await this.exchange.log(channel, 'reader');
    const gate = { isOpen: false, opened: Promise.resolve() };
    const hasCome = (): boolean => {
      const peer = log.ofOwner(principal);
      return peer !== undefined && peer.isPresent && !hasEnded(peer);
    };
    await this.#watch(channel, 'reader', [principal], () => this.#isClosed || gate.isOpen);
    gate.opened = this.exchange.until(hasCome, () => this.#isClosed || this.failure !== undefined).then(async () => {
      this.inner.check();
      const now = (await this.resources.topics.find(channel))?.partitions.length;
      if (now !== partitions) this.inner.fail(new MillraceError('MILLRACE_CHANNEL_MISMATCH', `the reader of channel ${channel} has given it ${now ?? 'no'} partitions, and the plan says ${partitions}: describe the pipeline alike on both sides`, { channel }));
      this.inner.check();
      gate.isOpen = true;
    });
    gate.opened.catch(() => undefined);
    return gate;
  }
}

function roleOf(channel: string, options: { readonly role?: ChannelRole; readonly external?: boolean } | undefined): ChannelRole {
  if (options?.role !== undefined) return options.role;
  throw new MillraceError('MILLRACE_CAPABILITY_MISSING', `channel ${channel} is bound to one port, and pypz has to know the whole pipeline: give protocol=pypz to the location of the pipeline`, { channel });
}
