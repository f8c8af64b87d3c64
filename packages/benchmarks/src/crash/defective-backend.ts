import { setTimeout as sleep } from 'node:timers/promises';
import type { ChannelBackend, ChannelReader, ChannelWriter, CommitResult, OutgoingBatch, Owner, Positions, ReaderOptions, Session, StateChanges, Transport, WriterOptions } from '@millrace/core';
import { MillraceError } from '@millrace/core';

/**
 * What a backend can get wrong, for tests of the crash tester.
 *
 * - `skipped-commit`: now and then a commit does nothing and says that all is well.
 * - `commit-before-flush`: positions and state are committed before the records that belong to them are stored.
 * - `missing-fence`: a session that was replaced takes its owner back and goes on.
 */
export const DEFECTS = ['skipped-commit', 'commit-before-flush', 'missing-fence'] as const;
export type Defect = (typeof DEFECTS)[number];

/** Ms before an owner is taken back; as long as some commits take. */
const LONGEST_TRUCE = 300;
/** Every so-many-th commit is skipped. */
const SKIP_EVERY = 10;

/** A backend with a defect. */
export function withDefect(backend: ChannelBackend, defect: Defect): ChannelBackend {
  return {
    ...backend,
    async connect(location, options) {
      const inner = await backend.connect(location, options);
      const transport: Transport = {
        capabilities: inner.capabilities,
        identity: inner.identity,
        limits: inner.limits,
        describeChannel: (name) => inner.describeChannel(name),
        createResources: (channels) => inner.createResources(channels),
        deleteResources: (resources) => inner.deleteResources(resources),
        control: (pipeline) => inner.control(pipeline),
        close: () => inner.close(),
        // Starts are left alone: owners of replicas have a number.
        open: async (owner) => (owner.id.includes('#') ? DefectiveSession.open(inner, owner, defect) : inner.open(owner)),
      };
      return transport;
    },
  };
}

interface Held {
  readonly channel: string;
  readonly options: WriterOptions | undefined;
  readonly batch: OutgoingBatch;
}

/** Keeps what is written until the commit, so that it can be written at the wrong time, or never. */
class DefectiveSession implements Session {
  readonly #readers = new Map<ChannelReader, { readonly channel: string; readonly options: ReaderOptions }>();
  readonly #writers = new Map<string, ChannelWriter>();
  #held: Held[] = [];
  #commits = 0;
  #isBack = false;

  private constructor(
    private inner: Session,
    private readonly transport: Transport,
    private readonly identity: Owner,
    private readonly defect: Defect,
  ) {}

  static async open(transport: Transport, owner: Owner, defect: Defect): Promise<DefectiveSession> {
    return new DefectiveSession(await transport.open(owner), transport, owner, defect);
  }

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
    return this.defect === 'missing-fence' ? undefined : this.inner.failure;
  }

  async reader(channel: string, options: ReaderOptions): Promise<ChannelReader> {
    const reader = await this.inner.reader(channel, options);
    this.#readers.set(reader, { channel, options });
    return reader;
  }

  async writer(channel: string, options?: WriterOptions): Promise<ChannelWriter> {
    const { partitions } = await this.inner.writer(channel, options);
    return { channel, partitions, writeRecords: (batch) => void this.#held.push({ channel, options, batch }) };
  }

  async commit(positions: Positions, changes?: StateChanges): Promise<CommitResult> {
    const held = this.#held;
    this.#held = [];
    if (this.defect === 'skipped-commit' && ++this.#commits % SKIP_EVERY === 0) return { ends: new Map() };
    if (this.defect === 'commit-before-flush') {
      await this.inner.commit(positions, changes);
      await this.#write(held);
      return { ends: (await this.inner.commit(new Map())).ends };
    }
    for (;;) {
      try {
        await this.#write(held);
        return await this.inner.commit(await this.#own(positions), changes);
      } catch (error) {
        if (this.defect !== 'missing-fence' || !MillraceError.is(error, 'MILLRACE_FENCED')) throw error;
        // Whoever else is there does the same. Who waits longer lets the other through, so that both get there in the end.
        await sleep(Math.random() * LONGEST_TRUCE);
        await this.#takeBack();
      }
    }
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  async #takeBack(): Promise<void> {
    this.inner = await this.transport.open(this.identity);
    this.#writers.clear();
    this.#isBack = true;
  }

  async #write(held: readonly Held[]): Promise<void> {
    for (const { channel, options, batch } of held) {
      let writer = this.#writers.get(channel);
      if (writer === undefined) this.#writers.set(channel, (writer = await this.inner.writer(channel, options)));
      await writer.writeRecords(batch);
    }
  }

  /** Positions of readers of the session that is there now. */
  async #own(positions: Positions): Promise<Positions> {
    if (!this.#isBack) return positions;
    const own = new Map<ChannelReader, ReadonlyMap<number, number>>();
    for (const [reader, offsets] of positions) {
      const made = this.#readers.get(reader);
      if (made !== undefined) own.set(await this.inner.reader(made.channel, made.options), offsets);
    }
    return own;
  }
}
