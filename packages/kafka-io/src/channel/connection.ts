import type { Logger } from '@millrace/core';
import type { Isolation, KafkaClient } from '../client/index.js';
import type { Fetcher } from '../fetch/fetcher.js';
import type { ByteBudget } from '../produce/budget.js';
import type { GroupPositions } from '../resources/group-positions.js';
import type { TopicGrowth } from '../resources/topic-growth.js';
import type { Trimmer } from '../resources/trimmer.js';

/** What sessions share: a process's connection to a cluster. */
export interface Connection {
  readonly client: KafkaClient;
  readonly positions: GroupPositions;
  readonly budget: ByteBudget;
  readonly trimmer: Trimmer;
  readonly growth: TopicGrowth;
  readonly logger: Logger;
  readonly recordBytes: number;
  readonly stateBytes: number;
  readonly offsetReset: 'earliest' | 'latest' | 'fail';
  /** What readers of topics of others see. */
  readonly isolation: Isolation;
  /** Ms for which a broker may be out of reach. */
  readonly patience: number;
  fetcherOf(isolation: Isolation): Fetcher;
  /**
   * The topic of a channel.
   * @throws MillraceError `MILLRACE_CHANNEL_UNKNOWN`
   */
  find(channel: string, external: boolean): Promise<{ readonly topic: string; readonly partitions: number }>;
}
