import { z } from 'zod';

/** Ms that a wait may take; 0 is no wait. */
const ms = z.number().nonnegative();
const bytes = z.int().positive();

/**
 * A user with a password, as brokers know it.
 * - `plain`: over TLS only (`kafkas://`), else the password can be read on the way.
 */
const sasl = z.strictObject({
  mechanism: z.string().toLowerCase().pipe(z.enum(['plain', 'scram-sha-256', 'scram-sha-512'])),
  username: z.string().min(1),
  password: z.string(),
});

/** For `kafkas://`: each the path of a PEM file, or PEM text. */
const tls = z.strictObject({
  /** Authorities that sign the brokers' certificates. Default: the system's. */
  ca: z.string().optional(),
  /** This client's certificate, where brokers want one, with its key. */
  cert: z.string().optional(),
  key: z.string().optional(),
  /** Of the key. */
  passphrase: z.string().optional(),
  /** Name to find in the broker's certificate. Default: the host. */
  servername: z.string().optional(),
  /** False takes any certificate, from anybody in between, too. Default true. */
  rejectUnauthorized: z.boolean().optional(),
});

/** What readers of topics of others see: records of transactions that were committed, or of open and aborted ones too. Channels of the pipeline are always read committed. */
const isolation = z.enum(['read_committed', 'read_uncommitted']);

/** What a reader does whose position is no longer, or not yet, in the log. */
const offsetReset = z.enum(['earliest', 'latest', 'fail']);

/** Of topics that are made. */
const created = {
  /** Default: the broker's `default.replication.factor`. */
  replicationFactor: z.int().min(1).max(32_767),
  /** Configurations of data topics by Kafka's names. */
  configs: z.record(z.string().min(1), z.union([z.string(), z.number(), z.boolean()]).transform(String)),
};

/**
 * The options of a connection to Kafka: of `connect`, and of the `backend` of `orchestrate`'s defaults for ports, in code and YAML. All
 * are optional. Durations in ms. The guide "Running on Kafka" lists the defaults.
 */
export const kafkaOptions = z.strictObject({
  client: z
    .strictObject({
      /** Shown in the brokers' logs, metrics and quotas. */
      clientId: z.string().min(1),
      /** Until a connection is there, TLS and SASL included. */
      connectionTimeout: ms.positive(),
      /** Until a request is answered. */
      requestTimeout: ms.positive(),
      sasl,
      tls,
    })
    .partial()
    .optional(),
  producer: z
    .strictObject({
      /** How long a record may wait for others to share its batch. */
      lingerMs: ms,
      /** Bytes of a batch at which it goes at once. */
      batchBytes: bytes,
      compression: z.enum(['none', 'gzip', 'lz4', 'zstd']),
      /** Bytes that are not acknowledged yet, of all writers together, before writers wait. */
      maxBufferedBytes: bytes,
      /** How long a batch is tried again before the commit is rejected. */
      deliveryTimeout: ms.positive(),
      /** After which the coordinator aborts what a session left open: for so long a hung one can hold readers up. */
      transactionTimeout: z.int().min(1_000),
    })
    .partial()
    .optional(),
  fetch: z
    .strictObject({
      /** How long a broker waits for records before it answers that there are none. */
      maxWait: z.int().nonnegative(),
      /** Bytes of one answer. */
      maxBytes: bytes,
      /** Bytes of one partition in an answer. */
      partitionBytes: bytes,
      /** Bytes fetched ahead and not read yet, of all readers together. */
      bufferBytes: bytes,
      /** How long a topic of others may have more partitions before they are read. Kafka's `metadata.max.age.ms`. */
      metadataMaxAge: z.int().positive(),
      isolation,
    })
    .partial()
    .optional(),
  topic: z
    .strictObject({
      ...created,
      /** Before the names of Millrace's own topics; the location's `prefix` is the same. */
      prefix: z.string().regex(/^[\w.-]*$/, 'may have letters, digits, "_", "-" and "." only'),
    })
    .partial()
    .optional(),
  /** Bytes of the largest record that is sent: not above the topics' `max.message.bytes`. */
  recordBytes: bytes.optional(),
  /** False where the cluster forbids transactional ids: commits are not fenced then, and exactly-once and `@state` are refused. */
  fencing: z.boolean().optional(),
  offsetReset: offsetReset.optional(),
  /** The seed's `InitialDataConsumerTimeoutInMs`, taken so that its settings carry over: reads never wait here, so it has no effect. */
  initialDataConsumerTimeoutInMs: ms.optional(),
  /** The seed's `DataConsumerTimeoutInMs`: the same. */
  dataConsumerTimeoutInMs: ms.optional(),
  /** The seed's `StatusConsumerTimeoutInMs`: how long retrieving status messages may wait for some. */
  statusConsumerTimeoutInMs: ms.optional(),
  /** With `protocol=pypz`: how long a peer may be silent, or not show up, before who waits for it fails; 0 = for ever. Default as in pypz: 120,000. */
  peerTimeout: ms.optional(),
});

/** The `backend` option of a single port: what does not belong to the connection, which all ports share. */
export const kafkaPortOptions = strict({
  fetch: strict({ isolation }).partial().optional(),
  topic: strict(created).partial().optional(),
  offsetReset: offsetReset.optional(),
});

function strict<Shape extends z.core.$ZodLooseShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? `${issue.keys.join(', ')}: what all ports of a connection share is said by connect of orchestrate, or by defaults.ports.backend` : undefined),
  });
}

/** As users write them. */
export type KafkaOptionsInput = z.input<typeof kafkaOptions>;
/** As they come out of the check. */
export type KafkaOptions = z.output<typeof kafkaOptions>;
