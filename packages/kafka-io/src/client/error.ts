import { KAFKA_ERRORS, nameOfError, RETRIABLE, type KafkaErrorName } from './error-codes.js';

/**
 * What went wrong, from where.
 * - `protocol`: a broker refused, with a code.
 * - `connection`: none could be made, or it was lost. `timeout`: no answer in time. Whether the broker acted is unknown in both.
 * - `authentication`: TLS or SASL said no.
 * - `unsupported`: the broker does not know a request, or no version that is spoken here.
 * - `malformed`: what came is not Kafka's protocol, or what should go cannot be put into it.
 * - `closed`: the client was closed.
 */
export type KafkaErrorKind = 'protocol' | 'connection' | 'timeout' | 'authentication' | 'unsupported' | 'malformed' | 'closed';

/** What a request concerned; every member that is known is filled in. */
export interface KafkaErrorPlace {
  /** Name of the request: `Produce`. */
  readonly api?: string | undefined;
  /** `host:port` of the broker. */
  readonly broker?: string | undefined;
  readonly topic?: string | undefined;
  readonly partition?: number | undefined;
  readonly group?: string | undefined;
  readonly transactionalId?: string | undefined;
  /** Who asked, as far as it is known here: `User:alice`. */
  readonly principal?: string | undefined;
}

export interface KafkaErrorDetails extends KafkaErrorPlace {
  readonly code?: KafkaErrorName | undefined;
  /** Default: what Kafka's own clients hold of the code; true for `connection` and `timeout`; else false. */
  readonly retriable?: boolean | undefined;
  readonly cause?: unknown;
}

/** Any failure of the client; the layers above put it into a MillraceError as its cause. Never holds a secret. */
export class KafkaError extends Error {
  readonly kind: KafkaErrorKind;
  /** Kafka's name of the code, where a broker sent one: `NOT_LEADER_OR_FOLLOWER`. */
  readonly code: KafkaErrorName | undefined;
  /** The same request may succeed later, maybe after metadata or coordinator were asked for again. */
  readonly retriable: boolean;
  readonly place: KafkaErrorPlace;
  readonly #text: string;

  constructor(kind: KafkaErrorKind, text: string, details: KafkaErrorDetails = {}) {
    const { code, retriable, cause, ...place } = details;
    super(`${text}${describePlace(place)}`, cause === undefined ? undefined : { cause });
    this.name = 'KafkaError';
    this.kind = kind;
    this.code = code;
    this.retriable = retriable ?? (code === undefined ? kind === 'connection' || kind === 'timeout' : RETRIABLE.has(code));
    this.place = place;
    this.#text = text;
  }

  /** Whether it is a refusal with one of these codes. */
  static is(error: unknown, ...codes: readonly KafkaErrorName[]): error is KafkaError {
    return error instanceof KafkaError && error.code !== undefined && codes.includes(error.code);
  }

  /** The same error, knowing more of its place; what was known stays. */
  at(more: KafkaErrorPlace): KafkaError {
    const place = { ...more, ...Object.fromEntries(Object.entries(this.place).filter(([, value]) => value !== undefined)) };
    const { code, retriable, cause } = this;
    const text = this.place.principal === undefined && place.principal !== undefined && code?.endsWith('_AUTHORIZATION_FAILED') === true ? refusal(code, place) : this.#text;
    return new KafkaError(this.kind, text, { ...place, code, retriable, cause });
  }
}

/**
 * The error for a code of a response; undefined for 0.
 * @param reason what the broker says beside the code, where the response has it
 */
export function protocolError(code: number, place: KafkaErrorPlace = {}, reason?: string | null): KafkaError | undefined {
  if (code === 0) return undefined;
  const name = nameOfError(code);
  const said = name === 'UNKNOWN_SERVER_ERROR' && code !== KAFKA_ERRORS.UNKNOWN_SERVER_ERROR ? `${name} (code ${code})` : name;
  const text = name.endsWith('_AUTHORIZATION_FAILED') ? refusal(name, place) : reason == null || reason === '' ? said : `${said}, ${JSON.stringify(reason)}`;
  return new KafkaError('protocol', text, { ...place, code: name });
}

/** Throws the error for a code other than 0. */
export function throwProtocolError(code: number, place: KafkaErrorPlace = {}, reason?: string | null): void {
  const error = protocolError(code, place, reason);
  if (error !== undefined) throw error;
}

/** Operation that each request needs on the kind of resource that was refused. Source: kafka.apache.org, "Operations and Resources on Protocols". */
const OPERATIONS: Partial<Record<KafkaErrorName, readonly [resource: string, fallback: string, byApi: Readonly<Record<string, string>>]>> = {
  TOPIC_AUTHORIZATION_FAILED: [
    'topic',
    'Describe',
    { Produce: 'Write', AddPartitionsToTxn: 'Write', Fetch: 'Read', OffsetCommit: 'Read', TxnOffsetCommit: 'Read', OffsetDelete: 'Read', DescribeProducers: 'Read', CreateTopics: 'Create', DeleteTopics: 'Delete', DeleteRecords: 'Delete', DescribeConfigs: 'DescribeConfigs' },
  ],
  GROUP_AUTHORIZATION_FAILED: ['group', 'Describe', { OffsetCommit: 'Read', TxnOffsetCommit: 'Read', AddOffsetsToTxn: 'Read', DeleteGroups: 'Delete', OffsetDelete: 'Delete' }],
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: ['transactional id', 'Write', { FindCoordinator: 'Describe', DescribeTransactions: 'Describe', ListTransactions: 'Describe' }],
  CLUSTER_AUTHORIZATION_FAILED: ['cluster', 'ClusterAction', { InitProducerId: 'IdempotentWrite', Produce: 'IdempotentWrite', CreateTopics: 'Create', ListGroups: 'Describe' }],
};

/** Says who may not do what, so that an ACL can be written from it. */
function refusal(name: KafkaErrorName, place: KafkaErrorPlace): string {
  const who = place.principal ?? 'this client';
  const [resource, fallback, byApi] = OPERATIONS[name] ?? ['resource', 'the operation', {}];
  const operation = (place.api === undefined ? undefined : byApi[place.api]) ?? fallback;
  const what = { topic: place.topic, group: place.group, 'transactional id': place.transactionalId }[resource];
  return `${name}: ${who} lacks ${operation} on ${resource}${what === undefined ? '' : ` ${JSON.stringify(what)}`}`;
}

function describePlace(place: KafkaErrorPlace): string {
  const { topic, partition, group, transactionalId, api, broker } = place;
  const parts = [
    ...(topic === undefined ? [] : [`topic ${JSON.stringify(topic)}`]),
    ...(partition === undefined ? [] : [`partition ${partition}`]),
    ...(group === undefined ? [] : [`group ${JSON.stringify(group)}`]),
    ...(transactionalId === undefined ? [] : [`transactional id ${JSON.stringify(transactionalId)}`]),
    ...(api === undefined ? [] : [`${api} request`]),
    ...(broker === undefined ? [] : [`broker ${broker}`]),
  ];
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}
