import { failPoint, MillraceError, silentLogger, toError, type Capabilities, type ChannelDescription, type ChannelSpec, type Control, type Logger, type Owner, type Transport } from '@millrace/core';
import type { Isolation, KafkaClient, OffsetToCommit, ProducerIdentity } from '../client/index.js';
import { Fetcher } from '../fetch/fetcher.js';
import { askOffsets } from '../offsets.js';
import { ByteBudget } from '../produce/budget.js';
import { plainIdentity } from '../produce/plain-identity.js';
import { Producer, type ProducerOptions, type TransactionalScope } from '../produce/producer.js';
import { GroupPositions } from '../resources/group-positions.js';
import { TopicGrowth } from '../resources/topic-growth.js';
import { Trimmer } from '../resources/trimmer.js';
import { tableTopicOf, topicOf, Topics } from '../resources/topics.js';
import { isPypz, kafkaOptions } from '../options/index.js';
import type { KafkaSettings } from '../settings.js';
import { FactTopic } from '../table/fact-topic.js';
import { recordsOf, TopicTable } from '../table/topic-table.js';
import { OwnerTransaction } from '../transaction/owner-transaction.js';
import { UnfencedOwner } from '../transaction/unfenced-owner.js';
import type { Connection } from './connection.js';
import { KafkaSession } from './session.js';

/** Ms for which a broker may be out of reach before what needs it fails. */
const PATIENCE = 30_000;

/** What a pipeline keeps in compacted topics: who its owners are and what they know, and what is to be known of it by all. */
const TABLES = ['state', 'control'] as const;
type TableKind = (typeof TABLES)[number];

/** A process's connection to a cluster. */
export class KafkaTransport implements Transport, Connection {
  readonly identity: string;
  readonly limits: Transport['limits'];
  readonly positions: GroupPositions;
  readonly budget: ByteBudget;
  readonly trimmer: Trimmer;
  readonly growth: TopicGrowth;
  readonly logger: Logger;
  readonly patience = PATIENCE;
  readonly #fetchers = new Map<Isolation, Fetcher>();
  readonly #tableFetcher: Fetcher;
  readonly #topics: Topics;
  readonly #tables = new Map<string, Promise<TopicTable>>();
  readonly #controls = new Map<string, FactTopic>();
  readonly #sessions = new Set<KafkaSession>();
  #plain: Producer | undefined;
  #closed: Promise<void> | undefined;

  constructor(
    readonly client: KafkaClient,
    readonly settings: KafkaSettings,
    readonly capabilities: Capabilities,
  ) {
    const { fetch, producer, topic } = settings;
    this.logger = settings.client.logger ?? silentLogger;
    this.identity = `kafka:${client.clusterId}${topic.prefix === '' ? '' : `?prefix=${topic.prefix}`}`;
    this.limits = { recordBytes: settings.recordBytes, stateBytes: settings.recordBytes };
    this.#tableFetcher = new Fetcher(client, { ...fetch, isolation: 'read_committed', lane: 'table' });
    this.positions = new GroupPositions(client);
    this.budget = new ByteBudget(producer.maxBufferedBytes);
    this.#topics = new Topics(client);
    this.trimmer = new Trimmer(client, this.positions, this.logger);
    this.growth = new TopicGrowth(client, fetch.metadataMaxAge, this.logger);
  }

  get recordBytes(): number {
    return this.limits.recordBytes;
  }

  get stateBytes(): number {
    return this.limits.stateBytes;
  }

  get offsetReset(): KafkaSettings['offsetReset'] {
    return this.settings.offsetReset;
  }

  get isolation(): Isolation {
    return this.settings.fetch.isolation;
  }

  fetcherOf(isolation: Isolation): Fetcher {
    let fetcher = this.#fetchers.get(isolation);
    if (fetcher === undefined) this.#fetchers.set(isolation, (fetcher = new Fetcher(this.client, { ...this.settings.fetch, isolation, lane: isolation === 'read_committed' ? 'fetch' : 'uncommitted' })));
    return fetcher;
  }

  async find(channel: string, external: boolean): Promise<{ readonly topic: string; readonly partitions: number }> {
    const topic = external ? channel : this.#topicOf(channel);
    const found = await this.#topics.find(topic);
    if (found === undefined) throw new MillraceError('MILLRACE_CHANNEL_UNKNOWN', `topic ${topic} does not exist`, { channel });
    return { topic, partitions: found.partitions.length };
  }

  async describeChannel(name: string): Promise<ChannelDescription | undefined> {
    this.#check();
    const topic = this.#topicOf(name);
    const found = await this.#topics.find(topic);
    if (found === undefined) return undefined;
    const partitions = found.partitions.map(({ partition }) => partition);
    const [starts, ends, groups] = await Promise.all([
      askOffsets(this.client, topic, partitions, 'earliest', 'read_committed'),
      askOffsets(this.client, topic, partitions, 'latest', 'read_committed'),
      this.positions.ofTopic(topic, partitions),
    ]);
    return { name, partitions: partitions.length, starts, ends, groups };
  }

  async createResources(channels: readonly ChannelSpec[]): Promise<void> {
    this.#check();
    await this.#topics.create(channels.map((spec) => {
      const own = kafkaOptions.optional().parse(spec.backend)?.topic;
      return topicOf(this.#topicOf(spec.name), spec, { ...this.settings.topic, ...own, configs: { ...this.settings.topic.configs, ...own?.configs } });
    }));
    const lacking = new Map<string, OffsetToCommit[]>();
    await Promise.all(channels.map(async ({ name, partitions, groups = [] }) => {
      if (groups.length === 0) return;
      const topic = this.#topicOf(name);
      const starts = await askOffsets(this.client, topic, Array.from({ length: partitions }, (_, i) => i), 'earliest', 'read_committed');
      await Promise.all(groups.map(async (group) => {
        const offsets = await this.positions.lacking(group, topic, starts);
        if (offsets.length > 0) lacking.set(group, [...(lacking.get(group) ?? []), ...offsets]);
      }));
    }));
    if (lacking.size === 0) return;
    // Another start of the pipeline may have overtaken this one, and its replicas have come further: then this fails.
    const session = [...this.#sessions].find(({ owner }) => channels.every(({ name }) => name.startsWith(`${owner}.`)));
    if (session !== undefined) await session.begin(lacking);
    else await Promise.all(Array.from(lacking, ([group, offsets]) => this.positions.commit(group, offsets)));
  }

  async deleteResources({ channels = [], owners = [] }: Parameters<Transport['deleteResources']>[0]): Promise<void> {
    this.#check();
    const topics = channels.map((channel) => this.#topicOf(channel));
    await Promise.all(topics.map(async (topic) => {
      const found = await this.#topics.find(topic);
      if (found !== undefined) await this.positions.forget(topic, found.partitions.map(({ partition }) => partition));
    }));
    await this.#topics.delete(topics);
    for (const pipeline of new Set(owners.map(pipelineOf))) await this.#forget(pipeline, owners.filter((owner) => pipelineOf(owner) === pipeline));
  }

  async open(owner: Owner): Promise<KafkaSession> {
    this.#check();
    const table = await this.#table(pipelineOf(owner.id), 'state');
    const { producer: options } = this.settings;
    if (!this.settings.fencing && owner.delivery === 'exactly-once') {
      throw new MillraceError('MILLRACE_DELIVERY_IMPOSSIBLE', `${owner.id} asks for exactly-once, which needs transactions: the cluster is used with fencing: false`);
    }
    const name = this.#nameOf(owner.id);
    let incarnation = 0;
    const isReplaced = async (): Promise<boolean> => {
      await table.caughtUp();
      return incarnationOf(table.get(name)) > incarnation;
    };
    const fenced = this.settings.fencing ? await OwnerTransaction.take(this.client, name, { transactionTimeout: options.transactionTimeout, patience: this.patience, isReplaced }) : undefined;
    failPoint('after-fence');
    const transaction = fenced ?? new UnfencedOwner(this.positions);
    const bell: { fail: (error: Error) => void } = { fail: () => undefined };
    const onFailure = (error: Error): void => bell.fail(error);
    const committer = this.#producer(fenced?.producer ?? (await plainIdentity(this.client, this.patience)), onFailure, fenced);
    try {
      await table.caughtUp();
      incarnation = incarnationOf(table.get(name)) + 1;
      committer.write(committer.queue(table.topic, 0), recordsOf([[name, Buffer.from(JSON.stringify({ v: 1, incarnation }))]]));
      await committer.flush();
      await transaction.commit();
      committer.leaveTransaction();
      const producer = owner.delivery === 'exactly-once' ? committer : this.#producer(await plainIdentity(this.client, this.patience), onFailure);
      this.#check();
      const state = new Map(Array.from(table.under(`${name}/`), ([key, value]) => [key.slice(name.length + 1), value]));
      const session = new KafkaSession(this, { identity: owner, name, incarnation, state, stateTopic: table.topic, transaction, fenced: fenced !== undefined, committer, producer, transactionTimeout: options.transactionTimeout }, (ended) => {
        unfollow();
        this.#sessions.delete(ended);
      });
      bell.fail = (error) => session.fail(error);
      const unfollow = table.follow(name, (key, value) => {
        if (key === name && incarnationOf(value) > incarnation) session.fail(new MillraceError('MILLRACE_FENCED', `session ${incarnation} of ${owner.id} was replaced by session ${incarnationOf(value)}`));
      });
      this.#sessions.add(session);
      return session;
    } catch (error) {
      committer.close(toError(error));
      await transaction.abort().catch(() => undefined);
      throw error;
    }
  }

  control(pipeline: string): Control {
    let control = this.#controls.get(pipeline);
    if (control === undefined) {
      control = new FactTopic(async () => {
        this.#check();
        const table = await this.#table(pipeline, 'control');
        return { table, producer: await this.#plainProducer() };
      });
      this.#controls.set(pipeline, control);
    }
    return control;
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#sessions].map((session) => session.close()));
    const error = this.#closedError();
    this.#plain?.close(error);
    for (const table of this.#tables.values()) {
      table.then((open) => open.close(error), () => undefined);
    }
    this.trimmer.close();
    this.growth.close();
    for (const fetcher of this.#fetchers.values()) fetcher.close();
    this.#tableFetcher.close();
    await this.client.close();
    this.budget.discard();
  }

  /** Removes the state of owners of a pipeline. Their incarnations stay, so that those to come are told from those before. */
  async #forget(pipeline: string, owners: readonly string[]): Promise<void> {
    const topic = this.#tableTopic(pipeline, 'state');
    if ((await this.#topics.find(topic)) === undefined) return;
    const table = await this.#table(pipeline, 'state');
    await table.caughtUp();
    const keys = owners.flatMap((owner) => Array.from(table.under(`${this.#nameOf(owner)}/`), ([key]) => [key, undefined] as const));
    if (keys.length === 0) return;
    const producer = await this.#plainProducer();
    producer.write(producer.queue(topic, 0), recordsOf(keys));
    await producer.flush();
    await table.caughtUp();
  }

  /** A table of a pipeline; its topic is made where it is not there. */
  #table(pipeline: string, kind: TableKind): Promise<TopicTable> {
    const topic = this.#tableTopic(pipeline, kind);
    let table = this.#tables.get(topic);
    if (table === undefined) {
      table = this.#openTable(pipeline, topic);
      this.#tables.set(topic, table);
      table.catch(() => this.#tables.delete(topic));
    }
    return table;
  }

  async #openTable(pipeline: string, topic: string): Promise<TopicTable> {
    // Both at once, since a run needs both: to make a topic takes long, and two as long as one.
    await this.#topics.create(TABLES.map((kind) => tableTopicOf(this.#tableTopic(pipeline, kind), this.settings.topic)));
    const from = (await askOffsets(this.client, topic, [0], 'earliest', 'read_committed')).get(0) ?? 0;
    this.#check();
    return new TopicTable(this.client, this.#tableFetcher, topic, from, (error) => {
      this.#tables.delete(topic);
      for (const session of this.#sessions) if (pipelineOf(session.owner) === pipeline) session.fail(error);
    });
  }

  #tableTopic(pipeline: string, kind: TableKind): string {
    return this.#topicOf(`${pipeline}.${kind}`);
  }

  #producer(identity: ProducerIdentity, onFailure: (error: Error) => void, transaction?: TransactionalScope): Producer {
    const renew: ProducerOptions['renew'] = async ({ topic, partition }, cause) => {
      this.logger.warn({ topic, partition, error: cause }, 'the broker lost track of what it has stored; what it has not acknowledged is sent again, and may double');
      return plainIdentity(this.client, this.patience);
    };
    return new Producer(this.client, { identity, transaction, renew: transaction === undefined ? renew : undefined, ...this.settings.producer, budget: this.budget, lane: 'data', onFailure });
  }

  /** Writes facts; made anew after it failed. */
  async #plainProducer(): Promise<Producer> {
    if (this.#plain !== undefined) return this.#plain;
    const identity = await plainIdentity(this.client, this.patience);
    this.#check();
    return (this.#plain ??= this.#producer(identity, () => (this.#plain = undefined)));
  }

  /** An owner as the cluster knows it: one of another prefix or protocol is another one, as its channels are others. */
  #nameOf(owner: string): string {
    return `${this.settings.topic.prefix}${owner}${isPypz(this.settings, undefined) ? '@pypz' : ''}`;
  }

  #topicOf(channel: string): string {
    return `${this.settings.topic.prefix}${channel}`;
  }

  #check(): void {
    if (this.#closed !== undefined) throw this.#closedError();
  }

  #closedError(): MillraceError {
    return new MillraceError('MILLRACE_SESSION_CLOSED', `the connection to ${this.identity} is closed`);
  }
}

/** The pipeline of an owner: `hello` of `hello` and of `hello.writer#0`. */
function pipelineOf(owner: string): string {
  const hash = owner.lastIndexOf('#');
  const dot = owner.lastIndexOf('.', hash === -1 ? 0 : hash);
  return hash === -1 || dot <= 0 ? owner : owner.slice(0, dot);
}

function incarnationOf(value: Uint8Array | undefined): number {
  if (value === undefined) return 0;
  const fact: unknown = JSON.parse(Buffer.from(value).toString());
  return typeof fact === 'object' && fact !== null && 'incarnation' in fact && typeof fact.incarnation === 'number' ? fact.incarnation : 0;
}
