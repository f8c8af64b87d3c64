import type { Logger } from '@millrace/core';
import type { KafkaClient } from '../client/index.js';

/** Tells readers how many partitions the topics of others have by now. */
export class TopicGrowth {
  readonly #watched = new Map<string, Set<() => void>>();
  readonly #timer: NodeJS.Timeout;
  #looking = false;
  #closed = false;

  /** @param interval ms between two looks */
  constructor(
    private readonly client: KafkaClient,
    interval: number,
    private readonly logger: Logger,
  ) {
    this.#timer = setInterval(() => void this.#look(), interval).unref();
  }

  /** Calls `look` whenever the partitions of a topic were asked for, until what it gives is called. */
  watch(topic: string, look: () => void): () => void {
    const watching = this.#watched.get(topic) ?? new Set();
    this.#watched.set(topic, watching.add(look));
    return () => {
      watching.delete(look);
      if (watching.size === 0) this.#watched.delete(topic);
    };
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const topics = [...this.#watched.keys()];
    if (this.#looking || topics.length === 0) return;
    this.#looking = true;
    try {
      await this.client.refresh(topics);
    } catch (error) {
      // What is read already goes on; whoever leads new partitions is asked for again.
      if (!this.#closed) this.logger.warn({ error, topics }, 'topics could not be looked at for new partitions');
    }
    this.#looking = false;
    for (const topic of topics) for (const look of [...(this.#watched.get(topic) ?? [])]) look();
  }
}
