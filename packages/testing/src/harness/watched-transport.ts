import type { Capabilities, ChannelReader, ChannelWriter, CommitResult, Control, MaybePromise, OutgoingBatch, Owner, Positions, ReaderOptions, Session, StateChanges, Transport, WriterOptions } from '@millrace/core';

/** Hears what a replica does through its sessions. */
export interface SessionWatch {
  /** A session begins: what the one before had written and not committed is no part of it. */
  opened(): void;
  wrote(channel: string, batch: OutgoingBatch): void;
  committed(positions: Positions, changes: StateChanges | undefined): void;
}

/** Never answered: what somebody gets who asks on behalf of a replica that was killed. */
function never<T>(): Promise<T> {
  return new Promise<T>(() => undefined);
}

/** A transport for one life of a replica. Once killed it answers nothing and wakes nobody, as a process that is gone. */
export class WatchedTransport implements Transport {
  isDead = false;
  #wake: () => void = () => undefined;

  constructor(
    private readonly inner: Transport,
    readonly watch: SessionWatch,
  ) {}

  get capabilities(): Capabilities {
    return this.inner.capabilities;
  }

  get identity(): string {
    return this.inner.identity;
  }

  get limits(): Transport['limits'] {
    return this.inner.limits;
  }

  describeChannel(name: string): ReturnType<Transport['describeChannel']> {
    return this.inner.describeChannel(name);
  }

  createResources(channels: Parameters<Transport['createResources']>[0]): Promise<void> {
    return this.inner.createResources(channels);
  }

  deleteResources(resources: Parameters<Transport['deleteResources']>[0]): Promise<void> {
    return this.inner.deleteResources(resources);
  }

  control(pipeline: string): Control {
    return this.inner.control(pipeline);
  }

  async open(owner: Owner): Promise<Session> {
    if (this.isDead) return never();
    this.#wake = () => {
      if (!this.isDead) owner.wake();
    };
    const session = await this.inner.open({ ...owner, wake: this.#wake });
    this.watch.opened();
    return new WatchedSession(session, this);
  }

  /** Wakes the replica, as a session may at any time. */
  wake(): void {
    this.#wake();
  }

  /** The transport belongs to the harness, which closes it. */
  async close(): Promise<void> {}
}

class WatchedSession implements Session {
  readonly #writers = new Map<ChannelWriter, ChannelWriter>();

  constructor(
    private readonly inner: Session,
    private readonly transport: WatchedTransport,
  ) {}

  get owner(): string {
    return this.inner.owner;
  }

  get incarnation(): number {
    return this.inner.incarnation;
  }

  get state(): Session['state'] {
    return this.inner.state;
  }

  get wantsCommit(): boolean {
    return this.inner.wantsCommit;
  }

  get failure(): Error | undefined {
    return this.transport.isDead ? undefined : this.inner.failure;
  }

  reader(channel: string, options: ReaderOptions): Promise<ChannelReader> {
    return this.transport.isDead ? never() : this.inner.reader(channel, options);
  }

  async writer(channel: string, options?: WriterOptions): Promise<ChannelWriter> {
    if (this.transport.isDead) return never();
    const writer = await this.inner.writer(channel, options);
    const watched: ChannelWriter = {
      channel,
      partitions: writer.partitions,
      writeRecords: (batch) => {
        if (this.transport.isDead) return never();
        const room = writer.writeRecords(batch);
        this.transport.watch.wrote(channel, batch);
        return room;
      },
    };
    this.#writers.set(writer, watched);
    return watched;
  }

  commit(positions: Positions, changes?: StateChanges): MaybePromise<CommitResult> {
    if (this.transport.isDead) return never();
    const committed = ({ ends }: CommitResult): CommitResult => {
      this.transport.watch.committed(positions, changes);
      return { ends: new Map([...ends].map(([writer, offsets]) => [this.#writers.get(writer)!, offsets])) };
    };
    const result = this.inner.commit(positions, changes);
    return result instanceof Promise ? result.then(committed) : committed(result);
  }

  async close(): Promise<void> {
    if (!this.transport.isDead) await this.inner.close();
  }
}
