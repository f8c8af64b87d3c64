import { MillraceError } from '@millrace/core';
import { run } from './run.js';
import { findKafka } from './source.js';
import { uuid } from './storage.js';

/** Kafka's scripts and the classes that they run; where a class has moved, that of Kafka 4 first. */
const TOOLS = {
  'kafka-acls': ['org.apache.kafka.tools.AclCommand', 'kafka.admin.AclCommand'],
  'kafka-broker-api-versions': ['org.apache.kafka.tools.BrokerApiVersionsCommand', 'kafka.admin.BrokerApiVersionsCommand'],
  'kafka-configs': ['org.apache.kafka.tools.ConfigCommand', 'kafka.admin.ConfigCommand'],
  'kafka-console-consumer': ['org.apache.kafka.tools.consumer.ConsoleConsumer'],
  'kafka-console-producer': ['org.apache.kafka.tools.ConsoleProducer', 'kafka.tools.ConsoleProducer'],
  'kafka-consumer-groups': ['org.apache.kafka.tools.consumer.group.ConsumerGroupCommand'],
  'kafka-consumer-perf-test': ['org.apache.kafka.tools.ConsumerPerformance'],
  'kafka-delete-records': ['org.apache.kafka.tools.DeleteRecordsCommand'],
  'kafka-dump-log': ['org.apache.kafka.tools.DumpLogSegments', 'kafka.tools.DumpLogSegments'],
  'kafka-features': ['org.apache.kafka.tools.FeatureCommand'],
  'kafka-get-offsets': ['org.apache.kafka.tools.GetOffsetShell'],
  'kafka-leader-election': ['org.apache.kafka.tools.LeaderElectionCommand'],
  'kafka-metadata-quorum': ['org.apache.kafka.tools.MetadataQuorumCommand'],
  'kafka-producer-perf-test': ['org.apache.kafka.tools.ProducerPerformance'],
  'kafka-reassign-partitions': ['org.apache.kafka.tools.reassign.ReassignPartitionsCommand'],
  'kafka-storage': ['kafka.tools.StorageTool'],
  'kafka-topics': ['org.apache.kafka.tools.TopicCommand'],
  'kafka-transactions': ['org.apache.kafka.tools.TransactionsCommand'],
} as const satisfies Record<string, readonly [string, ...string[]]>;

/** One of Kafka's own commands, by the name of its script. */
export type KafkaTool = keyof typeof TOOLS;

/** What {@link runKafkaTool} takes beside the tool and its arguments. */
export interface KafkaToolOptions {
  /** Of Apache Kafka, as for `startKafka`; the tool need not be of the broker's version. */
  readonly version?: string | undefined;
  /** For its standard input: what `kafka-console-producer` sends, a record a line. */
  readonly input?: string | undefined;
  /** Options of its JVM; default `-Xmx512m`, as in Kafka's scripts. */
  readonly jvm?: readonly string[] | undefined;
  /** Ends it before its time; the call rejects then. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs one of Kafka's own commands, with the arguments that Kafka's documentation gives it, to its end.
 *
 * @returns what it printed
 * @throws MillraceError `MILLRACE_BROKER_TOOL_FAILED` with that, where its exit code is not 0; `MILLRACE_BROKER_UNAVAILABLE` where it
 * cannot be run here
 */
export async function runKafkaTool(name: KafkaTool, args: readonly string[], options: KafkaToolOptions = {}): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const source = await findKafka(options.version);
  const jvm = [...(options.jvm ?? ['-Xmx512m']), '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'];
  for (const [i, main] of TOOLS[name].entries()) {
    const [command, ...rest] = source.command(`millrace-${name}-${uuid()}`, jvm, main, args);
    const { code, stdout, stderr } = await run(command, rest, options);
    if (code === 0) return { stdout, stderr };
    if (stderr.includes('ClassNotFoundException') && i + 1 < TOOLS[name].length) continue;
    throw new MillraceError('MILLRACE_BROKER_TOOL_FAILED', `${name} ${args.join(' ')} of Kafka ${source.version} ended with code ${code}.\n${stderr}${stdout}`);
  }
  throw new TypeError(`${name} is no tool of Kafka.`);
}
