import { describe, expect, it } from 'vitest';
import { KAFKA_ERRORS, KafkaError, protocolError } from './index.js';

describe('errors of the Kafka client', () => {
  it('are named as Kafka names them, and as retriable as Kafka holds them', () => {
    expect(protocolError(0)).toBeUndefined();
    expect(protocolError(6, { api: 'Produce', topic: 't', partition: 0, broker: 'b:1' })).toMatchObject({
      name: 'KafkaError',
      kind: 'protocol',
      code: 'NOT_LEADER_OR_FOLLOWER',
      retriable: true,
      message: 'NOT_LEADER_OR_FOLLOWER (topic "t", partition 0, Produce request, broker b:1)',
    });
    expect(protocolError(87, {}, 'null key')).toMatchObject({ code: 'INVALID_RECORD', retriable: false, message: 'INVALID_RECORD, "null key"' });
    expect(protocolError(9999)).toMatchObject({ code: 'UNKNOWN_SERVER_ERROR', message: 'UNKNOWN_SERVER_ERROR (code 9999)' });
  });

  it('can be told apart by code', () => {
    const error = protocolError(KAFKA_ERRORS.PRODUCER_FENCED);
    expect(KafkaError.is(error, 'INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED')).toBe(true);
    expect(KafkaError.is(error, 'NOT_COORDINATOR')).toBe(false);
    expect(KafkaError.is(new KafkaError('timeout', 'late'), 'NOT_COORDINATOR')).toBe(false);
    expect(KafkaError.is(new Error('PRODUCER_FENCED'), 'PRODUCER_FENCED')).toBe(false);
  });

  it('learn of their place on the way up, and keep what they knew and were caused by', () => {
    const cause = new Error('ECONNRESET');
    const error = new KafkaError('connection', 'lost', { broker: 'b:1', cause }).at({ broker: 'other', api: 'Fetch' });
    expect(error).toMatchObject({ kind: 'connection', retriable: true, message: 'lost (Fetch request, broker b:1)', cause, place: { broker: 'b:1', api: 'Fetch' } });
  });

  it.each([
    ['TOPIC_AUTHORIZATION_FAILED', { api: 'Produce', topic: 't' }, 'lacks Write on topic "t"'],
    ['TOPIC_AUTHORIZATION_FAILED', { api: 'Fetch', topic: 't' }, 'lacks Read on topic "t"'],
    ['TOPIC_AUTHORIZATION_FAILED', { api: 'ListOffsets', topic: 't' }, 'lacks Describe on topic "t"'],
    ['GROUP_AUTHORIZATION_FAILED', { api: 'TxnOffsetCommit', group: 'g' }, 'lacks Read on group "g"'],
    ['GROUP_AUTHORIZATION_FAILED', { api: 'DeleteGroups', group: 'g' }, 'lacks Delete on group "g"'],
    ['TRANSACTIONAL_ID_AUTHORIZATION_FAILED', { api: 'EndTxn', transactionalId: 'x' }, 'lacks Write on transactional id "x"'],
    ['CLUSTER_AUTHORIZATION_FAILED', { api: 'InitProducerId' }, 'lacks IdempotentWrite on cluster'],
  ] as const)('say what is not allowed: %s of %j', (name, place, message) => {
    expect(protocolError(KAFKA_ERRORS[name], place)?.message).toContain(`${name}: this client ${message}`);
    expect(protocolError(KAFKA_ERRORS[name], place)?.at({ principal: 'User:alice' }).message).toContain(`${name}: User:alice ${message}`);
    expect(protocolError(KAFKA_ERRORS[name], place)?.retriable).toBe(false);
  });
});
