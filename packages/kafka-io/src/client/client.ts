import { Coalesced } from './coalesced.js';
import { DEFAULT_CONNECTION_TIMEOUT, DEFAULT_REQUEST_TIMEOUT } from './defaults.js';
import { KafkaError, protocolError } from './error.js';
import { kafkajsDial } from './kafkajs.js';
import { Lane, type LaneSettings } from './lane.js';
import { pause } from './pause.js';
import { findCoordinator, metadata, type BrokerAddress, type ClusterMetadata } from './requests/metadata.js';
import type { ClientOptions, KafkaNode, KafkaRequest, TopicMetadata } from './types.js';

/** Where requests go that need no connection of their own. */
const CONTROL = 'control';
/** Ms that one node has to answer what any node could: a frozen one must not hold up the question for long. */
const ANY_NODE_TIMEOUT = 5_000;
/** Ms between asking for a coordinator that is not there yet: doubled from the first to the last. */
const COORDINATOR_BACKOFF = { first: 10, last: 200 };

type Address = Pick<BrokerAddress, 'host' | 'port'>;

/**
 * A process's client of one Kafka cluster: its nodes, who leads what, who coordinates whom. Sends what the layers above ask it to; apart
 * from finding a coordinator it repeats nothing.
 */
export class KafkaClient {
  private readonly lanes = new Map<string, Lane>();
  private readonly addresses = new Map<number, Address>();
  private readonly topics = new Map<string, TopicMetadata>();
  private readonly coordinators = new Map<string, Promise<number>>();
  private readonly closed = new AbortController();
  private readonly refreshes = new Coalesced((topics) => this.metadata(topics), this.closed.signal);
  private readonly settings: LaneSettings;
  private controllerId: number | undefined;
  private id = '';
  private closing: Promise<void> | undefined;

  private constructor(options: ClientOptions) {
    const { clientId, connectionTimeout = DEFAULT_CONNECTION_TIMEOUT, requestTimeout = DEFAULT_REQUEST_TIMEOUT, sasl } = options;
    const principal = sasl === undefined ? undefined : `User:${sasl.username}`;
    this.settings = { clientId, connectionTimeout, requestTimeout, principal, dial: kafkajsDial(options) };
    for (const [i, broker] of options.brokers.entries()) this.addresses.set(-1 - i, parseBroker(broker));
  }

  /**
   * Connects to the first broker that answers.
   * @throws KafkaError of the kind that the last one failed with, naming all
   */
  static async connect(options: ClientOptions): Promise<KafkaClient> {
    const client = new KafkaClient(options);
    try {
      await client.metadata([]);
      client.adoptSeed();
    } catch (error) {
      await client.close();
      throw error;
    }
    return client;
  }

  /** Same cluster, same id, whichever broker was asked. */
  get clusterId(): string {
    return this.id;
  }

  /** `User:alice`, where SASL names one. */
  get principal(): string | undefined {
    return this.settings.principal;
  }

  /** Ids of the cluster's nodes as last heard. */
  get nodeIds(): number[] {
    return [...this.addresses.keys()].filter((id) => id >= 0);
  }

  /**
   * Asks for topics now. One that does not exist is absent, and is not created; one that was just created may be absent for a moment.
   * @throws KafkaError `TOPIC_AUTHORIZATION_FAILED`, `INVALID_TOPIC_EXCEPTION`
   */
  async metadata(topics: readonly string[]): Promise<Map<string, TopicMetadata>> {
    const answer = await this.ask(metadata(topics));
    this.learn(answer);
    const found = new Map<string, TopicMetadata>();
    for (const { errorCode, topic, topicId, internal, partitions } of answer.topics) {
      const error = protocolError(errorCode, { api: 'Metadata', topic, principal: this.principal });
      if (error === undefined) {
        const described = { topic, topicId, internal, partitions };
        found.set(topic, described);
        this.topics.set(topic, described);
      } else {
        this.topics.delete(topic);
        if (error.code !== 'UNKNOWN_TOPIC_OR_PARTITION') throw error;
      }
    }
    return found;
  }

  /** The node that leads a partition, as last heard; undefined where that is not known or nobody does. */
  leader(topic: string, partition: number): number | undefined {
    return this.topics.get(topic)?.partitions[partition]?.leader;
  }

  /** What the cluster tells a topic by, as last heard; undefined where there is none of the name. */
  topicId(topic: string): string | undefined {
    return this.topics.get(topic)?.topicId;
  }

  /** Partitions of a topic, as last heard; 0 where it is not known. */
  partitionCount(topic: string): number {
    return this.topics.get(topic)?.partitions.length ?? 0;
  }

  /** Hears of leaders anew. Calls that come together, or while one is under way, share the next request; asking in a row is slowed down. */
  async refresh(topics: readonly string[]): Promise<void> {
    await this.refreshes.add(topics);
  }

  /**
   * A node over a connection of its own per lane; the same one for the same arguments.
   * @param lane what waits for each other: a long poll holds up what comes behind it
   */
  node(nodeId: number, lane: string = CONTROL): KafkaNode {
    return this.lane(nodeId, lane);
  }

  /** The node to create and delete topics. Any will do where brokers forward such requests (KRaft). */
  controller(): KafkaNode {
    return this.node(this.controllerId ?? this.nodeIds[0] ?? -1);
  }

  /** The node that coordinates a group; asked once, waited for while none does, up to the request time-out. */
  async groupCoordinator(group: string, lane?: string): Promise<KafkaNode> {
    return this.node(await this.coordinator('group', group), lane);
  }

  /** As {@link groupCoordinator}, for a transactional id. */
  async transactionCoordinator(transactionalId: string, lane?: string): Promise<KafkaNode> {
    return this.node(await this.coordinator('transaction', transactionalId), lane);
  }

  /** Has a coordinator asked for anew: after NOT_COORDINATOR, COORDINATOR_NOT_AVAILABLE, or a lost connection. */
  forgetCoordinator(kind: 'group' | 'transaction', key: string): void {
    this.coordinators.delete(`${kind} ${key}`);
  }

  /** Rejects all that is under way and destroys every socket; resolves when they are closed. Repeated calls are quiet. */
  close(): Promise<void> {
    this.closed.abort();
    return (this.closing ??= Promise.all([...this.lanes.values()].map((lane) => lane.close())).then(() => {}));
  }

  private lane(nodeId: number, name: string): Lane {
    const key = `${nodeId} ${name}`;
    let lane = this.lanes.get(key);
    if (lane === undefined) {
      const made: Lane = new Lane(nodeId, () => this.addresses.get(made.nodeId), this.settings);
      if (this.closing !== undefined) void made.close();
      this.lanes.set(key, (lane = made));
    }
    return lane;
  }

  private learn({ brokers, clusterId, controllerId }: ClusterMetadata): void {
    this.id = clusterId ?? '';
    this.controllerId = controllerId < 0 ? undefined : controllerId;
    const heard = new Set(brokers.map(({ nodeId }) => nodeId));
    for (const nodeId of this.nodeIds) if (!heard.has(nodeId)) this.addresses.delete(nodeId);
    for (const { nodeId, host, port } of brokers) this.addresses.set(nodeId, { host, port });
  }

  /** The connection of the first question becomes that of the node behind it, where the address is the same. */
  private adoptSeed(): void {
    for (const [key, lane] of [...this.lanes]) {
      const seed = this.addresses.get(lane.nodeId);
      const nodeId = this.nodeIds.find((id) => this.addresses.get(id)?.host === seed?.host && this.addresses.get(id)?.port === seed?.port);
      this.lanes.delete(key);
      if (nodeId === undefined || !lane.connected) void lane.close();
      else {
        lane.nodeId = nodeId;
        this.lanes.set(`${nodeId} ${CONTROL}`, lane);
      }
    }
  }

  private async coordinator(kind: 'group' | 'transaction', key: string): Promise<number> {
    const cacheKey = `${kind} ${key}`;
    let node = this.coordinators.get(cacheKey);
    if (node === undefined) {
      node = this.findCoordinator(kind, key);
      this.coordinators.set(cacheKey, node);
      node.catch(() => {
        if (this.coordinators.get(cacheKey) === node) this.coordinators.delete(cacheKey);
      });
    }
    return node;
  }

  private async findCoordinator(kind: 'group' | 'transaction', key: string): Promise<number> {
    const deadline = performance.now() + this.settings.requestTimeout;
    for (let wait = COORDINATOR_BACKOFF.first; ; wait = Math.min(COORDINATOR_BACKOFF.last, 2 * wait)) {
      try {
        const { nodeId, host, port } = await this.ask(findCoordinator(kind, key));
        this.addresses.set(nodeId, { host, port });
        return nodeId;
      } catch (error) {
        if (!KafkaError.is(error, 'COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_LOAD_IN_PROGRESS') || performance.now() + wait > deadline) throw error;
      }
      await pause(wait, this.closed.signal);
    }
  }

  /** Asks one node after the other what any could answer: those with a connection first, the seeds last. */
  private async ask<T>(request: KafkaRequest<T>): Promise<T> {
    const failures: KafkaError[] = [];
    for (const nodeId of this.candidates()) {
      const lane = this.lane(nodeId, CONTROL);
      try {
        return await lane.send(request, { timeout: ANY_NODE_TIMEOUT + (lane.connected ? 0 : this.settings.connectionTimeout) });
      } catch (error) {
        if (!(error instanceof KafkaError) || (error.kind !== 'connection' && error.kind !== 'timeout')) throw error;
        failures.push(error);
      }
    }
    const [only] = failures;
    if (only !== undefined && failures.length === 1) throw only;
    throw new KafkaError('connection', `no broker of the cluster answers:\n${failures.map(({ message }) => `  - ${message}`).join('\n')}`, { cause: failures.at(-1) });
  }

  private candidates(): number[] {
    const ids = [...this.addresses.keys()];
    const rank = (id: number): number => (this.lanes.get(`${id} ${CONTROL}`)?.connected === true ? 0 : id >= 0 ? 1 : 2);
    return ids.sort((a, b) => rank(a) - rank(b) || Math.abs(a) - Math.abs(b));
  }
}

function parseBroker(broker: string): Address {
  const match = /^(?:\[(?<v6>[^\]]+)\]|(?<host>[^:]+)):(?<port>\d+)$/.exec(broker);
  if (match?.groups === undefined) throw new KafkaError('malformed', `${JSON.stringify(broker)} is not host:port`);
  const { v6, host, port } = match.groups;
  return { host: v6 ?? host ?? '', port: Number(port) };
}
