import { MillraceError } from '@millrace/core';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { answerCode, answerIdentity, answerJoin, answerTxnOffsets, ScriptedClient } from '../client/scripted/fixtures.js';
import type { KafkaErrorName } from '../client/error-codes.js';
import { OwnerTransaction } from './owner-transaction.js';

const T0 = [{ topic: 't', partition: 0 }];
const OFFSETS = [{ topic: 't', partition: 0, offset: 5 }];

describe('transactions of an owner', () => {
  let scripted: ScriptedClient;
  beforeEach(() => void (scripted = new ScriptedClient().on('InitProducerId', (asked) => answerIdentity(asked, 7))));

  const take = (options: { readonly transactionTimeout?: number; readonly patience?: number; readonly isReplaced?: () => Promise<boolean> } = {}): Promise<OwnerTransaction> =>
    OwnerTransaction.take(scripted.client, 'owner', { transactionTimeout: 10_000, patience: 1000, isReplaced: async () => false, ...options });

  /** Answers requests of a kind with these errors in turn, then without any. */
  function fail(api: string, ...errors: readonly KafkaErrorName[]): void {
    const left = [...errors];
    scripted.on(api, (asked) => {
      const error = left.shift();
      if (api === 'AddPartitionsToTxn') answerJoin(asked, error);
      else if (api === 'TxnOffsetCommit') answerTxnOffsets(asked, error);
      else if (api === 'InitProducerId') answerIdentity(asked, 7, error);
      else answerCode(asked, error);
    });
  }

  it('waits for the end of what an earlier holder left open', async () => {
    fail('InitProducerId', 'CONCURRENT_TRANSACTIONS', 'CONCURRENT_TRANSACTIONS');
    expect((await take()).producer).toEqual({ transactionalId: 'owner', producerId: 7, producerEpoch: 0 });
    expect(scripted.count('InitProducerId')).toBe(3);
  });

  it('begins while the markers of the last transaction are still written, asks anew where the coordinator moved, and asks a lost commit again', async () => {
    const transaction = await take();
    fail('AddPartitionsToTxn', 'CONCURRENT_TRANSACTIONS', 'NOT_COORDINATOR');
    fail('AddOffsetsToTxn', 'COORDINATOR_LOAD_IN_PROGRESS');
    fail('TxnOffsetCommit', 'NOT_COORDINATOR');
    await transaction.join(T0);
    expect(scripted.forgotten).toEqual(['transaction owner']);
    await transaction.addGroup('g');
    await transaction.addGroup('g');
    await transaction.commitOffsets('g', OFFSETS);
    expect(scripted.forgotten).toEqual(['transaction owner', 'group g']);
    let commits = 0;
    scripted.on('EndTxn', (asked) => (commits++ === 0 ? asked.lose('timeout') : answerCode(asked)));
    await transaction.commit();
    expect(['AddPartitionsToTxn', 'AddOffsetsToTxn', 'TxnOffsetCommit', 'EndTxn'].map((api) => scripted.count(api))).toEqual([3, 2, 2, 2]);
  });

  it('ends nothing where nothing was begun, and adds a group to each transaction', async () => {
    const transaction = await take();
    for (const api of ['AddOffsetsToTxn', 'EndTxn']) fail(api);
    await transaction.commit();
    await transaction.abort();
    expect(scripted.count('EndTxn')).toBe(0);
    for (let i = 0; i < 2; i++) {
      await transaction.addGroup('g');
      await transaction.commit();
    }
    expect([scripted.count('AddOffsetsToTxn'), scripted.count('EndTxn')]).toEqual([2, 2]);
  });

  it('is fenced by a newer holder of the id', async () => {
    const transaction = await take();
    for (const error of ['PRODUCER_FENCED', 'INVALID_PRODUCER_EPOCH'] as const) {
      fail('AddPartitionsToTxn', error);
      await expect(transaction.join(T0)).rejects.toThrow(/MILLRACE_FENCED.*owner/s);
    }
  });

  it.each(['InitProducerId', 'AddPartitionsToTxn', 'EndTxn'])('asks again where the coordinator fails within itself over the fence of a newer holder: %s', async (api) => {
    fail('EndTxn');
    fail('AddPartitionsToTxn');
    fail(api, 'UNKNOWN_SERVER_ERROR', ...(api === 'InitProducerId' ? [] : (['INVALID_PRODUCER_EPOCH'] as const)));
    const transaction = await take();
    const used = transaction.join(T0).then(() => transaction.commit());
    await (api === 'InitProducerId' ? used : expect(used).rejects.toThrow(/MILLRACE_FENCED.*owner/s));
    expect(scripted.count(api)).toBe(2);
  });

  it('gives up on a coordinator that keeps failing within itself, and says so', async () => {
    const transaction = await take({ patience: 0 });
    fail('AddPartitionsToTxn', 'UNKNOWN_SERVER_ERROR', 'UNKNOWN_SERVER_ERROR', 'UNKNOWN_SERVER_ERROR', 'UNKNOWN_SERVER_ERROR');
    await expect(transaction.join(T0)).rejects.toThrow(/MILLRACE_TIMEOUT.*UNKNOWN_SERVER_ERROR/s);
  });

  it('tells a transaction that was open for too long from an owner that was replaced meanwhile', async () => {
    for (const [replaced, expected] of [[false, /MILLRACE_TRANSACTION_LOST.*was open for \d+ ms.*transactionTimeout/s], [true, /MILLRACE_FENCED/]] as const) {
      const transaction = await take({ transactionTimeout: 1, isReplaced: async () => replaced });
      fail('AddPartitionsToTxn');
      fail('EndTxn', 'INVALID_PRODUCER_EPOCH');
      await transaction.join(T0);
      const since = performance.now();
      await vi.waitFor(() => expect(performance.now() - since).toBeGreaterThan(2), { interval: 1 });
      await expect(transaction.commit()).rejects.toThrow(expected);
    }
  });

  it('gives up in time, and says why', async () => {
    const transaction = await take({ patience: 20 });
    scripted.on('AddPartitionsToTxn', (asked) => answerJoin(asked, 'COORDINATOR_NOT_AVAILABLE'));
    await expect(transaction.join(T0)).rejects.toThrow(/MILLRACE_TIMEOUT.*the transaction of owner.*20 ms.*COORDINATOR_NOT_AVAILABLE/s);
    fail('AddPartitionsToTxn', 'TOPIC_AUTHORIZATION_FAILED');
    await expect(transaction.join(T0)).rejects.toThrow(/MILLRACE_BACKEND_FAILED.*TOPIC_AUTHORIZATION_FAILED/s);
  });

  it('once stopped it tries nothing again but the abort', async () => {
    const transaction = await take({ patience: 60_000 });
    scripted.on('AddPartitionsToTxn', (asked) => answerJoin(asked, 'COORDINATOR_NOT_AVAILABLE'));
    const joining = expect(transaction.join(T0)).rejects.toThrow('closed by the test');
    await vi.waitFor(() => expect(scripted.count('AddPartitionsToTxn')).toBeGreaterThan(1));
    transaction.stop(new MillraceError('MILLRACE_SESSION_CLOSED', 'closed by the test'));
    await joining;
    fail('EndTxn', 'CONCURRENT_TRANSACTIONS');
    await transaction.abort();
    expect(scripted.count('EndTxn')).toBe(2);
  });
});
