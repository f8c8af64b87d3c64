import { Buffer } from 'node:buffer';
import { setImmediate as turn } from 'node:timers/promises';
import { KAFKA_ERRORS, type KafkaErrorName } from '../error-codes.js';
import { KafkaError } from '../error.js';
import type { KafkaClient } from '../client.js';
import { Reader } from '../protocol/reader.js';
import { Writer } from '../protocol/writer.js';
import { readCompactTopics, readTopicIds, readTopics, writeCompactTopics, writeTopicIds, writeTopics } from '../requests/topics.js';
import type { KafkaNode, KafkaRequest, TopicMetadata, TopicPartition } from '../types.js';

/** A request that a test has in hand. It went through its encoding, and so does what answers it. */
export interface Asked {
  readonly api: string;
  readonly version: number;
  readonly nodeId: number;
  readonly lane: string;
  readonly body: Reader;
  readonly isAnswered: boolean;
  /** Sends what `write` writes. */
  answer(write: (writer: Writer) => void): void;
  /** The connection is lost, or the answer does not come in time: what the broker did is unknown. */
  lose(kind?: 'connection' | 'timeout'): void;
}

/**
 * Stands in for a {@link KafkaClient}, without sockets or time: every request waits for the test to answer it, or for what `on` was
 * told of its kind.
 */
export class ScriptedClient {
  readonly asked: Asked[] = [];
  /** Topics of each `refresh`. */
  readonly refreshed: string[][] = [];
  readonly forgotten: string[] = [];
  nodeIds = [1];
  /** What becomes of a `refresh`, before it resolves. */
  onRefresh: (topics: readonly string[]) => void | Promise<void> = () => undefined;
  readonly #topics = new Map<string, (number | undefined)[]>();
  /** How often a topic was deleted. */
  readonly #made = new Map<string, number>();
  readonly #scripts = new Map<string, (asked: Asked) => void>();

  /** As what is tested takes it. */
  get client(): KafkaClient {
    return this as unknown as KafkaClient;
  }

  /** Nodes that lead the partitions of a topic. */
  lead(topic: string, ...leaders: readonly (number | undefined)[]): this {
    this.#topics.set(topic, [...leaders]);
    return this;
  }

  /** Deletes a topic. */
  drop(topic: string): this {
    this.#topics.delete(topic);
    this.#made.set(topic, (this.#made.get(topic) ?? 0) + 1);
    return this;
  }

  /** Answers every request of a kind. */
  on(api: string, script: (asked: Asked) => void): this {
    this.#scripts.set(api, script);
    return this;
  }

  /** The request of a kind that was sent first and is not answered; the test fails where there is none. */
  take(api: string): Asked {
    const asked = this.asked.find((each) => each.api === api && !each.isAnswered);
    if (asked === undefined) throw new Error(`no ${api} is under way; there were ${this.asked.map((each) => each.api).join(', ')}`);
    return asked;
  }

  /** Requests of a kind that are not answered. */
  open(api: string): Asked[] {
    return this.asked.filter((each) => each.api === api && !each.isAnswered);
  }

  count(api: string): number {
    return this.asked.filter((each) => each.api === api).length;
  }

  leader(topic: string, partition: number): number | undefined {
    return this.#topics.get(topic)?.[partition];
  }

  topicId(topic: string): string | undefined {
    return this.#topics.has(topic) ? idOf(topic, this.#made.get(topic)) : undefined;
  }

  partitionCount(topic: string): number {
    return this.#topics.get(topic)?.length ?? 0;
  }

  node(nodeId: number, lane = 'control'): KafkaNode {
    return { nodeId, send: (request) => this.#send(nodeId, lane, request) };
  }

  controller(): KafkaNode {
    return this.node(1);
  }

  async refresh(topics: readonly string[]): Promise<void> {
    this.refreshed.push([...topics]);
    await this.onRefresh(topics);
  }

  async metadata(topics: readonly string[]): Promise<Map<string, TopicMetadata>> {
    this.refreshed.push([...topics]);
    await this.onRefresh(topics);
    const found = topics.flatMap((topic) => {
      const leaders = this.#topics.get(topic);
      return leaders === undefined ? [] : [{ topic, topicId: idOf(topic, this.#made.get(topic)), internal: false, partitions: leaders.map((leader, partition) => ({ partition, leader, leaderEpoch: 0, replicas: [], isr: [] })) }];
    });
    return new Map(found.map((each) => [each.topic, each]));
  }

  async groupCoordinator(): Promise<KafkaNode> {
    return this.node(1);
  }

  async transactionCoordinator(): Promise<KafkaNode> {
    return this.node(1);
  }

  forgetCoordinator(kind: string, key: string): void {
    this.forgotten.push(`${kind} ${key}`);
  }

  #send<T>(nodeId: number, lane: string, request: KafkaRequest<T>): Promise<T> {
    const writer = new Writer();
    request.encode(writer);
    return new Promise<T>((resolve, reject) => {
      const asked = {
        api: request.api.name,
        version: request.api.version,
        nodeId,
        lane,
        body: new Reader(Buffer.concat(writer.frame()), 4),
        isAnswered: false,
        answer: (write: (writer: Writer) => void): void => {
          asked.isAnswered = true;
          const answer = new Writer();
          write(answer);
          try {
            resolve(request.decode(new Reader(Buffer.concat(answer.frame()), 4)));
          } catch (error) {
            reject(error instanceof Error ? error : new Error(String(error)));
          }
        },
        lose: (kind: 'connection' | 'timeout' = 'connection'): void => {
          asked.isAnswered = true;
          reject(new KafkaError(kind, kind === 'timeout' ? 'no answer in time' : 'the connection broke', { api: request.api.name }));
        },
      };
      this.asked.push(asked);
      this.#scripts.get(asked.api)?.(asked);
    });
  }
}

/** The id of the topic of a name that was made after so many were deleted. */
export function idOf(topic: string, deleted = 0): string {
  return Buffer.from(`${topic} ${deleted}`.padEnd(16)).toString('base64url');
}

function nameOf(topicId: string): string {
  return Buffer.from(topicId, 'base64url').toString().split(' ')[0] ?? '';
}

/** Until all that follows from what happened so far has happened. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 3; i++) await turn();
}

export function codeOf(error: KafkaErrorName | undefined): number {
  return error === undefined ? 0 : KAFKA_ERRORS[error];
}

export interface ProducedBatch extends TopicPartition {
  readonly records: Buffer;
}

export function readProduce({ body }: Asked): { readonly transactionalId: string | null; readonly batches: ProducedBatch[] } {
  const transactionalId = body.nullableString();
  body.int16(); // acks
  body.int32(); // time-out
  return { transactionalId, batches: readTopics(body, (topic) => ({ topic, partition: body.int32(), records: body.bytes() })) };
}

export function answerProduce(asked: Asked, results: readonly (TopicPartition & { readonly error?: KafkaErrorName | undefined; readonly baseOffset?: number })[]): void {
  asked.answer((writer) => {
    writeTopics(writer, results, ({ partition, error, baseOffset }) => {
      writer.int32(partition).int16(codeOf(error)).int64(error === undefined ? (baseOffset ?? 0) : -1).int64(-1).int64(0).int32(0).nullableString(null);
    });
    writer.int32(0);
  });
}

export interface AskedPartition extends TopicPartition {
  readonly topicId: string;
  readonly offset: number;
  readonly maxBytes: number;
}

export function readFetch({ body }: Asked): { readonly maxWait: number; readonly maxBytes: number; readonly partitions: AskedPartition[] } {
  body.int32(); // replica
  const maxWait = body.int32();
  body.int32(); // least bytes
  const maxBytes = body.int32();
  body.int8(); // isolation
  body.int64(); // session and its epoch
  const partitions = readTopicIds(body, (topicId) => {
    const partition = body.int32();
    body.int32(); // leader epoch
    const offset = body.int64();
    body.int32(); // epoch of the last one fetched
    body.int64(); // start of the log
    const asked = { topic: nameOf(topicId), topicId, partition, offset, maxBytes: body.int32() };
    body.tags();
    return asked;
  });
  return { maxWait, maxBytes, partitions };
}

export interface AnsweredPartition extends TopicPartition {
  /** Default: the first of its name. */
  readonly topicId?: string;
  readonly error?: KafkaErrorName;
  readonly end?: number;
  readonly records?: Uint8Array;
}

export function answerFetch(asked: Asked, partitions: readonly AnsweredPartition[]): void {
  asked.answer((writer) => {
    writer.int32(0).int16(0).int32(0);
    const answered = partitions.map((each) => ({ topicId: idOf(each.topic), ...each }));
    writeTopicIds(writer, answered, ({ partition, error, end = 0, records = Buffer.alloc(0) }) => {
      writer.int32(partition).int16(codeOf(error)).int64(end).int64(end).int64(0).compactArray([], () => {}).int32(-1);
      writer.unsignedVarint(records.length + 1);
      for (const byte of records) writer.int8((byte << 24) >> 24);
      writer.tags();
    });
  });
}

/** Answers for each partition with what `at` gives: an offset, or an error. */
export function answerListOffsets(asked: Asked, at: (partition: TopicPartition & { readonly at: 'earliest' | 'latest' | number }) => number | KafkaErrorName): void {
  const { body } = asked;
  body.int32(); // replica
  body.int8(); // isolation
  const partitions = readTopics(body, (topic) => {
    const partition = body.int32();
    body.int32(); // leader epoch
    const time = body.int64();
    return { topic, partition, at: time === -2 ? 'earliest' as const : time === -1 ? 'latest' as const : time };
  });
  asked.answer((writer) => {
    writer.int32(0);
    writeTopics(writer, partitions, (each) => {
      const found = at(each);
      writer.int32(each.partition).int16(typeof found === 'number' ? 0 : codeOf(found)).int64(-1).int64(typeof found === 'number' ? found : -1).int32(0);
    });
  });
}

/** Answers AddPartitionsToTxn for each of its partitions. */
export function answerJoin(asked: Asked, error?: KafkaErrorName): TopicPartition[] {
  const { body } = asked;
  body.string();
  body.int64();
  body.int16();
  const partitions = readTopics(body, (topic) => ({ topic, partition: body.int32() }));
  asked.answer((writer) => {
    writer.int32(0);
    writeTopics(writer, partitions, ({ partition }) => writer.int32(partition).int16(codeOf(error)));
  });
  return partitions;
}

/** Answers AddOffsetsToTxn or EndTxn. */
export function answerCode(asked: Asked, error?: KafkaErrorName): void {
  asked.answer((writer) => writer.int32(0).int16(codeOf(error)));
}

/** Answers InitProducerId. */
export function answerIdentity(asked: Asked, producerId: number, error?: KafkaErrorName): void {
  asked.answer((writer) => writer.int32(0).int16(codeOf(error)).int64(producerId).int16(0));
}

/** Answers TxnOffsetCommit for each of its partitions. */
export function answerTxnOffsets(asked: Asked, error?: KafkaErrorName): void {
  const { body } = asked;
  body.compactString(); // transactional id
  body.compactString(); // group
  body.int64();
  body.int16();
  body.int32();
  body.compactString();
  body.compactNullableString();
  const partitions = readCompactTopics(body, (topic) => {
    const partition = body.int32();
    body.int64();
    body.int32();
    body.compactNullableString();
    body.tags();
    return { topic, partition };
  });
  asked.answer((writer) => {
    writer.int32(0);
    writeCompactTopics(writer, partitions, ({ partition }) => writer.int32(partition).int16(codeOf(error)).tags());
  });
}

/** Answers ListGroups. */
export function answerGroups(asked: Asked, groups: readonly string[], error?: KafkaErrorName): void {
  asked.answer((writer) => {
    writer.int32(0).int16(codeOf(error));
    writer.compactArray(groups, (group) => writer.compactString(group).compactString('consumer').compactString('Empty').tags());
  });
}

/** Answers OffsetFetch, of one group or of many, with what `at` gives for each partition: an offset, -1 for none, or an error. */
export function answerOffsets(asked: Asked, at: (group: string, partition: TopicPartition) => number | KafkaErrorName): void {
  const { body } = asked;
  const readWanted = (): TopicPartition[] => readCompactTopics(body, (topic) => ({ topic, partition: body.int32() }));
  const writeFound = (writer: Writer, group: string, wanted: readonly TopicPartition[]): void => writeCompactTopics(writer, wanted, (each) => {
    const found = at(group, each);
    writer.int32(each.partition).int64(typeof found === 'number' ? found : -1).int32(-1).compactNullableString(null).int16(typeof found === 'number' ? 0 : codeOf(found)).tags();
  });
  if (asked.version < 8) {
    const group = body.compactString();
    const wanted = readWanted();
    asked.answer((writer) => {
      writeFound(writer.int32(0), group, wanted);
      writer.int16(0);
    });
    return;
  }
  const groups = body.compactArray(() => {
    const group = { group: body.compactString(), wanted: readWanted() };
    body.tags();
    return group;
  });
  asked.answer((writer) => {
    writer.int32(0).compactArray(groups, ({ group, wanted }) => {
      writer.compactString(group);
      writeFound(writer, group, wanted);
      writer.int16(0).tags();
    });
  });
}
