import type { Control, Follower } from '@millrace/core';
import type { Producer } from '../produce/producer.js';
import { recordsOf, type See, type TopicTable } from './topic-table.js';

/** The keyed facts of one pipeline, in its control topic: the latest record of a key is the fact, a tombstone removes it. */
export class FactTopic implements Control {
  #pending: { readonly entry: readonly [key: string, value: Uint8Array | undefined]; readonly resolve: () => void; readonly reject: (error: unknown) => void }[] = [];
  #writing = false;

  /** @param open makes the topic where it is not there, and reads it; called at the first use, and again after it failed */
  constructor(private readonly open: () => Promise<{ readonly table: TopicTable; readonly producer: Producer }>) {}

  async put(key: string, value: Uint8Array): Promise<void> {
    await this.#write(key, new Uint8Array(value));
  }

  async remove(key: string): Promise<void> {
    await this.#write(key, undefined);
  }

  async follow(prefix: string, see: See): Promise<Follower> {
    const { table } = await this.open();
    await table.caughtUp();
    const stop = table.follow(prefix, see);
    return { close: async () => stop() };
  }

  /** Facts that are put while others are under way go together, behind them. */
  #write(key: string, value: Uint8Array | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ entry: [key, value], resolve, reject });
      if (!this.#writing) void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#writing = true;
    while (this.#pending.length > 0) {
      const pending = this.#pending;
      this.#pending = [];
      try {
        const { table, producer } = await this.open();
        producer.write(producer.queue(table.topic, 0), recordsOf(pending.map(({ entry }) => entry)));
        await producer.flush();
        for (const { resolve } of pending) resolve();
      } catch (error) {
        for (const { reject } of pending) reject(error);
      }
    }
    this.#writing = false;
  }
}
