import { MillraceError } from '@millrace/core';
import { addOffsetsToTxn, addPartitionsToTxn, endTxn, initProducerId, KafkaError, protocolError, txnOffsetCommit, type KafkaClient, type KafkaNode, type OffsetToCommit, type PartitionResult, type TopicPartition, type TransactionalProducer } from '../client/index.js';
import type { TransactionalScope } from '../produce/producer.js';
import { backendFailed, retry } from '../retry.js';
import type { OwnerCommit } from './owner-commit.js';

/** Ms for which an abort is tried: the cluster does it by itself after the transaction's time-out. */
const ABORT_PATIENCE = 2_000;

export interface TransactionOptions {
  /** Ms after which the coordinator aborts a transaction that nobody ends. */
  readonly transactionTimeout: number;
  /** Ms for which a coordinator may be out of reach. */
  readonly patience: number;
  /** Whether a newer session of the owner has begun: asked where a refusal may have another cause. */
  isReplaced(): Promise<boolean>;
}

/**
 * The transactions of one owner, one after the other. The owner's name is the transactional id (KIP-98): who asks for it last
 * holds it, and all that an earlier holder does is refused.
 */
export class OwnerTransaction implements OwnerCommit, TransactionalScope {
  readonly #groups = new Set<string>();
  readonly #stopped = new AbortController();
  #openSince: number | undefined;

  private constructor(
    private readonly client: KafkaClient,
    readonly producer: TransactionalProducer,
    private readonly options: TransactionOptions,
  ) {}

  /**
   * Fences earlier holders of the id; resolves once what they had open is aborted or committed for good.
   * @throws MillraceError `MILLRACE_FENCED`, `MILLRACE_TIMEOUT`, `MILLRACE_BACKEND_FAILED`
   */
  static async take(client: KafkaClient, transactionalId: string, options: TransactionOptions): Promise<OwnerTransaction> {
    const { transactionTimeout, patience } = options;
    try {
      const identity = await retry(async () => (await client.transactionCoordinator(transactionalId)).send(initProducerId({ transactionalId, transactionTimeout })), {
        // An older transaction that nobody ends is waited out.
        patience: patience + transactionTimeout,
        what: `the start of ${transactionalId}`,
        isTransient: failsWithin,
        again: (error) => forget(client, transactionalId, error),
      });
      return new OwnerTransaction(client, { transactionalId, ...identity }, options);
    } catch (error) {
      throw refused(error, transactionalId);
    }
  }

  get transactionalId(): string {
    return this.producer.transactionalId;
  }

  async join(partitions: readonly TopicPartition[]): Promise<void> {
    this.#openSince ??= performance.now();
    await this.#ask('the transaction', async (node) => check('AddPartitionsToTxn', await node.send(addPartitionsToTxn(this.producer, partitions))));
  }

  async addGroup(group: string): Promise<void> {
    if (this.#groups.has(group)) return;
    this.#openSince ??= performance.now();
    await this.#ask(`the positions of group ${group}`, (node) => node.send(addOffsetsToTxn(this.producer, group)));
    this.#groups.add(group);
  }

  async commitOffsets(group: string, offsets: readonly OffsetToCommit[]): Promise<void> {
    try {
      await retry(async () => check('TxnOffsetCommit', await (await this.client.groupCoordinator(group)).send(txnOffsetCommit(this.producer, group, offsets)), group), {
        patience: this.options.patience,
        what: `writing the positions of group ${group}`,
        signal: this.#stopped.signal,
        again: (error) => {
          if (movesCoordinator(error)) this.client.forgetCoordinator('group', group);
        },
      });
    } catch (error) {
      throw await this.#explain(error);
    }
  }

  /** A commit that is lost on the way is asked for again: the coordinator knows it. */
  async commit(): Promise<void> {
    if (this.#openSince === undefined) return;
    await this.#ask('the commit', (node) => node.send(endTxn(this.producer, 'commit')));
    this.#openSince = undefined;
    this.#groups.clear();
  }

  stop(error: Error): void {
    this.#stopped.abort(error);
  }

  async abort(patience?: number): Promise<void> {
    if (this.#openSince === undefined) return;
    const how = patience === undefined ? { patience: ABORT_PATIENCE } : { patience, signal: this.#stopped.signal };
    await this.#ask('the abort', (node) => node.send(endTxn(this.producer, 'abort'), { timeout: ABORT_PATIENCE }), how);
    this.#openSince = undefined;
    this.#groups.clear();
  }

  async #ask<T>(what: string, send: (node: KafkaNode) => Promise<T>, { patience, signal }: { readonly patience: number; readonly signal?: AbortSignal } = { patience: this.options.patience, signal: this.#stopped.signal }): Promise<T> {
    const { client, transactionalId } = this;
    try {
      return await retry(async () => send(await client.transactionCoordinator(transactionalId)), {
        patience,
        signal,
        what: `${what} of ${transactionalId}`,
        isTransient: failsWithin,
        again: (error) => forget(client, transactionalId, error),
      });
    } catch (error) {
      throw await this.#explain(error);
    }
  }

  async #explain(error: unknown): Promise<unknown> {
    return error instanceof KafkaError ? this.refusal(error) : error;
  }

  /**
   * The coordinator raises the epoch of a transaction that was open for too long, too, so that its owner looks like one that was
   * replaced. The difference is between trying anew and giving way.
   */
  async refusal(error: KafkaError): Promise<Error> {
    const { transactionalId } = this;
    const openFor = this.#openSince === undefined ? 0 : performance.now() - this.#openSince;
    if (openFor <= this.options.transactionTimeout || !isFencing(error) || (await this.options.isReplaced().catch(() => false))) return refused(error, transactionalId);
    return new MillraceError('MILLRACE_TRANSACTION_LOST', `the transaction of ${transactionalId} was open for ${Math.round(openFor)} ms and was aborted by the cluster: commit more often, make steps shorter, or raise producer.transactionTimeout`, { cause: error });
  }
}

function check(api: string, results: readonly PartitionResult[], group?: string): void {
  // One refused partition refuses all; the others only say that they were not looked at.
  const failed = results.filter(({ errorCode }) => errorCode !== 0).map(({ errorCode, topic, partition }) => protocolError(errorCode, { api, topic, partition, group }));
  const error = failed.find((each) => each?.code !== 'OPERATION_NOT_ATTEMPTED') ?? failed[0];
  if (error !== undefined) throw error;
}

function movesCoordinator(error: KafkaError): boolean {
  return error.kind !== 'protocol' || KafkaError.is(error, 'NOT_COORDINATOR', 'COORDINATOR_NOT_AVAILABLE');
}

/**
 * A coordinator fails so where a newer holder of the id fences an older one that asks for something at that moment (Kafka 4.4 logs an
 * IllegalStateException). All that an owner asks of it can be asked twice, and then it says who was fenced.
 */
function failsWithin(error: KafkaError): boolean {
  return KafkaError.is(error, 'UNKNOWN_SERVER_ERROR');
}

function forget(client: KafkaClient, transactionalId: string, error: KafkaError): void {
  if (movesCoordinator(error)) client.forgetCoordinator('transaction', transactionalId);
}

function isFencing(error: unknown): boolean {
  return KafkaError.is(error, 'PRODUCER_FENCED', 'INVALID_PRODUCER_EPOCH');
}

function refused(error: KafkaError, transactionalId: string): MillraceError;
function refused(error: unknown, transactionalId: string): unknown;
function refused(error: unknown, transactionalId: string): unknown {
  if (!(error instanceof KafkaError)) return error;
  if (isFencing(error)) return new MillraceError('MILLRACE_FENCED', `a newer session of ${transactionalId} took over`, { cause: error });
  return backendFailed(error);
}
