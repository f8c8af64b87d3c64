import type { ChannelReader, Session, Transport } from '@millrace/core';
import type { RecordChecker } from './checker.js';
import { Result } from './records.js';

/** Hands what comes out of the pipeline to the checker, as it comes: committed records only, where the backend has transactions. */
export class ResultsReader {
  readonly #session: Session;
  readonly #reader: ChannelReader;
  readonly #checker: RecordChecker;
  readonly #bell: { ring: () => void };
  readonly #positions = new Map<number, number>();
  #running: Promise<void>;
  #isOver = false;

  private constructor(session: Session, reader: ChannelReader, checker: RecordChecker, bell: { ring: () => void }) {
    this.#session = session;
    this.#reader = reader;
    this.#checker = checker;
    this.#bell = bell;
    this.#running = this.#run();
    // It shows when the end is asked for.
    this.#running.catch(() => undefined);
  }

  static async open(transport: Transport, options: { readonly channel: string; readonly partitions: number; readonly owner: string; readonly group: string }, checker: RecordChecker): Promise<ResultsReader> {
    const { channel, owner, group, partitions } = options;
    const bell = { ring: (): void => undefined };
    const session = await transport.open({ id: owner, delivery: 'at-least-once', wake: () => bell.ring() });
    const reader = await session.reader(channel, { group, partitions: Array.from({ length: partitions }, (_, partition) => partition), start: 'earliest', external: true });
    await reader.loadInputRecordOffset();
    return new ResultsReader(session, reader, checker, bell);
  }

  /** Resolves once all that is there now was read. @throws Error after so many ms */
  async caughtUp(ms: number): Promise<void> {
    const ends = await this.#reader.endOffsets();
    const deadline = performance.now() + ms;
    while ([...ends].some(([partition, end]) => (this.#positions.get(partition) ?? 0) < end)) {
      if (performance.now() > deadline) throw new Error(`the results cannot be read to their ends ${[...ends].join(' ')}: ${[...this.#positions].join(' ')} within ${ms} ms`);
      await Promise.race([this.#running, new Promise((resolve) => setTimeout(resolve, 20))]);
    }
  }

  async close(): Promise<void> {
    this.#isOver = true;
    this.#bell.ring();
    await this.#running.catch(() => undefined);
    await this.#session.close();
  }

  async #run(): Promise<void> {
    let committed = performance.now();
    while (!this.#isOver) {
      const woken = new Promise<void>((resolve) => (this.#bell.ring = resolve));
      if (!this.#read()) await woken;
      if (performance.now() - committed < 1_000) continue;
      // What was read may go.
      committed = performance.now();
      await this.#session.commit(new Map([[this.#reader, this.#positions]]));
    }
  }

  #read(): boolean {
    const batch = this.#reader.readRecords();
    if (batch === undefined) return false;
    for (let i = 0; i < batch.count; i++) this.#checker.see(Result.parse(JSON.parse(Buffer.from(batch.bytes.subarray(batch.bounds[2 * i], batch.bounds[2 * i + 1])).toString())));
    this.#positions.set(batch.partition, batch.next);
    return true;
  }
}
