import type { ChannelReader, ChannelWriter, CommitResult, MaybePromise, Owner, Positions, ReaderOptions, Session, StateChanges, WriterOptions } from '@millrace/core';
import { FaultyReader, FaultyWriter } from './channel-ends.js';
import type { Injector, Line } from './injector.js';

/** A session whose calls may go wrong, and which may lose its connection. */
export class FaultySession implements Session {
  readonly #writers = new Map<ChannelWriter, FaultyWriter>();

  constructor(
    private readonly inner: Session,
    private readonly injector: Injector,
    private readonly line: Line,
    private readonly identity: Owner,
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
    return this.line.lost === undefined && this.inner.wantsCommit;
  }

  get failure(): Error | undefined {
    return this.line.lost ?? this.inner.failure;
  }

  async reader(channel: string, options: ReaderOptions): Promise<ChannelReader> {
    const inner = await this.injector.promised('session.reader', { owner: this.owner, channel }, this.line, () => this.inner.reader(channel, options));
    return new FaultyReader(inner, this.injector, this.line, this.owner, () => this.identity.wake());
  }

  async writer(channel: string, options?: WriterOptions): Promise<ChannelWriter> {
    const inner = await this.injector.promised('session.writer', { owner: this.owner, channel }, this.line, () => this.inner.writer(channel, options));
    const writer = new FaultyWriter(inner, this.injector, this.line, this.owner);
    this.#writers.set(inner, writer);
    return writer;
  }

  commit(positions: Positions, stateChanges?: StateChanges): MaybePromise<CommitResult> {
    return this.injector.maybe('session.commit', { owner: this.owner }, this.line, () => {
      const mine: Positions = new Map(Array.from(positions, ([reader, offsets]) => [reader instanceof FaultyReader ? reader.inner : reader, offsets]));
      const answer = this.inner.commit(mine, stateChanges);
      return answer instanceof Promise ? answer.then((result) => this.#shown(result)) : this.#shown(answer);
    });
  }

  /** Closes what is behind it even where the connection is lost, as the end of a process does. */
  async close(): Promise<void> {
    if (this.line.lost !== undefined) return this.inner.close();
    return this.injector.promised('session.close', { owner: this.owner }, this.line, () => this.inner.close());
  }

  #shown({ ends }: CommitResult): CommitResult {
    return { ends: new Map(Array.from(ends, ([writer, offsets]) => [this.#writers.get(writer) ?? writer, offsets])) };
  }
}
