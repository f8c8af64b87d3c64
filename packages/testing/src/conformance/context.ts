import { randomBytes } from 'node:crypto';
import type { Capabilities, ChannelDescription, ChannelSpec, ChannelWriter, Control, OutgoingBatch, Owner, Transport } from '@millrace/core';
import { broken } from './check.js';
import { batchOf, numbered, type BatchOptions } from './records.js';
import { Replica } from './replica.js';
import type { ConformanceOptions, ConformanceTarget } from './types.js';
import { Waiting } from './waiting.js';

/** What a case works with: a connected place, names of its own, and the means to clean up. */
export class ConformanceContext {
  readonly waiting: Waiting;
  /** How values travel. */
  readonly payload: 'objects' | 'bytes';
  readonly options: Required<Pick<ConformanceOptions, 'largeBatch' | 'largeRecord' | 'unread'>>;
  readonly #prefix = `conformance-${randomBytes(6).toString('hex')}`;
  readonly #transports: Transport[] = [];
  readonly #channels = new Set<string>();
  readonly #owners = new Set<string>();
  #names = 0;
  #transport: Transport | undefined;
  #spare: { readonly replica: Replica; readonly writer: ChannelWriter } | undefined;

  constructor(
    readonly target: ConformanceTarget,
    options: ConformanceOptions,
  ) {
    this.waiting = new Waiting(options.timeout ?? 10_000);
    this.payload = options.payload ?? (this.capabilities.objects ? 'objects' : 'bytes');
    this.options = {
      largeBatch: options.largeBatch ?? 150_000,
      largeRecord: options.largeRecord ?? 900_000,
      unread: options.unread ?? 1_000_000,
    };
  }

  get capabilities(): Capabilities {
    return this.target.backend.capabilities(this.target.location);
  }

  /** The first connection of the case. */
  async transport(): Promise<Transport> {
    return (this.#transport ??= await this.connect());
  }

  /** One more connection to the place. */
  async connect(): Promise<Transport> {
    const { backend, location, connectOptions } = this.target;
    const transport = await this.waiting.within(backend.connect(location, connectOptions), 'connect');
    this.#transports.push(transport);
    return transport;
  }

  /** A name that nobody else has: of a channel, an owner or a pipeline. */
  name(label: string): string {
    return `${this.#prefix}.${label}-${++this.#names}`;
  }

  /** The specification of a channel of a name of its own; it is deleted after the case if it was made. */
  spec(spec: Partial<ChannelSpec> = {}): ChannelSpec {
    const { channelOptions } = this.target;
    const made = { name: this.name('channel'), partitions: 1, ...(channelOptions === undefined ? {} : { backend: channelOptions }), ...spec };
    this.#channels.add(made.name);
    return made;
  }

  /** Makes a channel and gives its name. */
  async channel(spec: Partial<ChannelSpec> = {}): Promise<string> {
    const made = this.spec(spec);
    await this.waiting.within((await this.transport()).createResources([made]), 'createResources');
    return made.name;
  }

  async describe(channel: string): Promise<ChannelDescription> {
    const description = await this.waiting.within((await this.transport()).describeChannel(channel), 'describeChannel');
    if (description === undefined) throw broken(`channel ${channel} exists`);
    return description;
  }

  /** The name of an owner; its state is deleted after the case. */
  owner(label = 'operator'): string {
    const id = `${this.name(label)}#0`;
    this.#owners.add(id);
    return id;
  }

  /** Opens a session, at-least-once unless said otherwise. */
  async replica(owner: Partial<Omit<Owner, 'wake'>> = {}, transport?: Transport): Promise<Replica> {
    const { id = this.owner(), delivery = 'at-least-once', ...rest } = owner;
    this.#owners.add(id);
    return Replica.open(transport ?? (await this.transport()), { id, delivery, ...rest }, this.waiting);
  }

  /** A session with exactly-once delivery. */
  async exactlyOnce(owner: Partial<Omit<Owner, 'wake'>> = {}, transport?: Transport): Promise<Replica> {
    return this.replica({ ...owner, delivery: 'exactly-once' }, transport);
  }

  /** Deliveries that the backend has. */
  get deliveries(): readonly Owner['delivery'][] {
    return this.capabilities.transactions ? ['at-least-once', 'exactly-once'] : ['at-least-once'];
  }

  async control(pipeline = this.name('pipeline'), transport?: Transport): Promise<Control> {
    return (transport ?? (await this.transport())).control(pipeline);
  }

  batch(values: readonly (string | undefined)[], options?: BatchOptions): OutgoingBatch {
    return batchOf(this.payload, values, options);
  }

  /**
   * Writes numbered values until the channel is full, at-least-once, and gives the promise of room.
   * @param written how many were written before, brought up to date
   */
  async fill(writer: ChannelWriter, written = { count: 0 }): Promise<{ readonly room: Promise<void> }> {
    for (let taken = 0; taken < this.options.unread; taken += 100) {
      const room = writer.writeRecords(this.batch(numbered(100, written.count)));
      written.count += 100;
      if (room !== undefined && (await this.waits(room))) return { room };
    }
    throw broken(`a bounded channel makes its writer wait before ${this.options.unread} records are unread`);
  }

  /**
   * Whether a write waits for room. It does if writes into a channel with room, begun after it, are done before it: no time is
   * long enough to tell that from a write that is merely slow.
   */
  async waits(room: Promise<void>): Promise<boolean> {
    let open = true;
    const settled = (): void => void (open = false);
    room.then(settled, settled);
    const spare = (this.#spare ??= await this.#roomy());
    for (let writes = 0; open && writes < 3; writes++) {
      await spare.replica.write(spare.writer, this.batch(['something else']));
      await new Promise((resolve) => setImmediate(resolve));
    }
    return open;
  }

  async #roomy(): Promise<{ readonly replica: Replica; readonly writer: ChannelWriter }> {
    const replica = await this.replica();
    return { replica, writer: await replica.writer(await this.channel()) };
  }

  /** Closes every connection, as the end of the process does; {@link transport} connects anew. */
  async disconnect(): Promise<void> {
    const transports = this.#transports.splice(0);
    this.#transport = undefined;
    await this.waiting.within(Promise.all(transports.map((transport) => transport.close())), 'close of transports');
  }

  /** Deletes what the case made, closes what it opened. */
  async dispose(): Promise<void> {
    try {
      await this.disconnect();
      if (this.#channels.size + this.#owners.size > 0) {
        await (await this.transport()).deleteResources({ channels: [...this.#channels], owners: [...this.#owners] });
        await this.disconnect();
      }
    } finally {
      await this.target.cleanup?.();
    }
  }
}
