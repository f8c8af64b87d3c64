import { MillraceError } from '@millrace/core';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KafkaBroker } from './broker.js';
import { freePorts } from './ports.js';
import { askForBrokers } from './probe.js';
import { brokerProperties, formatProperties } from './properties.js';
import { findKafka, type KafkaSource } from './source.js';
import { formatStorage, storageTemplate, uuid } from './storage.js';
import { exactVersion } from './versions.js';

/** What {@link startKafka} takes. */
export interface KafkaOptions {
  /** Of Apache Kafka: exact (`4.4.0`), or a line (`4`, `3.9`) for the release that Millrace is tested with. Default: the newest of these. */
  readonly version?: string | undefined;
  /** How many; default 1. From 3 on, topics are replicated three times with two in sync. */
  readonly brokers?: number | undefined;
  /** Broker properties, over those that Millrace sets. */
  readonly config?: Readonly<Record<string, string>> | undefined;
  /** The port of the first broker; default one that is free. */
  readonly port?: number | undefined;
  /** Options of the JVM instead of {@link QUICK_JVM}, which suit tests: a benchmark wants the optimizing compiler and memory. */
  readonly jvm?: readonly string[] | undefined;
  /** Where the cluster keeps its data, in a folder of its own; default the system's temporary folder. */
  readonly folder?: string | undefined;
  /** True: the brokers live on when this process ends, and nobody removes their data. Default false. */
  readonly detached?: boolean | undefined;
}

/** A small heap, and the compiler that is quick to start. */
export const QUICK_JVM: readonly string[] = ['-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];

/** What every JVM gets: a log of warnings and errors, with the time. */
const LOGGING = ['-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-Dorg.slf4j.simpleLogger.showDateTime=true', '-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS'];

/** Running brokers. */
export interface KafkaCluster {
  /** Of Apache Kafka, exact. */
  readonly version: string;
  /** The brokers' addresses, `host:port,host:port`. */
  readonly bootstrap: string;
  readonly brokers: readonly KafkaBroker[];
  /** Where its data is. */
  readonly folder: string;
  /** Kills the brokers and removes their data. */
  close(): Promise<void>;
}

/**
 * Starts a real Apache Kafka: by Java and the jars that Maven fetches once, else by Docker. It ends with this process, however
 * that ends. Resolves when every broker answers and knows of the others; about three seconds for one.
 *
 * @throws MillraceError `MILLRACE_BROKER_UNAVAILABLE` where there is nothing to start it with, or it does not start; the message
 * says what to install, or ends with the broker's log
 */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaCluster> {
  const source = await findKafka(exactVersion(options.version));
  const template = await storageTemplate(source);
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(source, template, options);
    } catch (error) {
      // Between the choice of a port and its use another process may take it.
      if (attempt === 3 || !String(error).includes('Address already in use')) throw error;
    }
  }
}

async function startOnce(source: KafkaSource, template: string, options: KafkaOptions): Promise<KafkaCluster> {
  const count = options.brokers ?? 1;
  const folder = await mkdtemp(join(options.folder ?? tmpdir(), 'millrace-kafka-'));
  const ports = await freePorts(2 * count);
  const controllerPorts = ports.slice(count), clientPorts = ports.slice(0, count);
  if (options.port !== undefined) clientPorts[0] = options.port;
  const clusterId = uuid();
  const brokers = await Promise.all(clientPorts.map(async (port, i) => {
    const node = i + 1, own = join(folder, `broker-${node}`), dataFolder = join(own, 'data');
    await mkdir(own);
    await formatStorage(template, dataFolder, clusterId, node);
    await writeFile(join(own, 'server.properties'), formatProperties(brokerProperties({ node, controllerPorts, port, dataFolder }, options.config)));
    const container = `millrace-kafka-${clusterId}-${node}`;
    return new KafkaBroker(source, { node, port, folder: own, container, detached: options.detached ?? false, jvm: [...(options.jvm ?? QUICK_JVM), ...LOGGING] });
  }));
  const close = async (): Promise<void> => {
    await Promise.all(brokers.map((broker) => broker.kill()));
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  try {
    await Promise.all(brokers.map((broker) => broker.start()));
    await knowEachOther(brokers);
  } catch (error) {
    await close();
    throw error;
  }
  return { version: source.version, bootstrap: brokers.map(({ address }) => address).join(','), brokers, folder, close };
}

/** A broker that answers may not have heard of the others yet. */
async function knowEachOther(brokers: readonly KafkaBroker[]): Promise<void> {
  const deadline = performance.now() + 30_000;
  for (const { address } of brokers) {
    const [host, port] = address.split(':') as [string, string];
    while ((await askForBrokers(host, Number(port))).length < brokers.length) {
      if (performance.now() > deadline) throw new MillraceError('MILLRACE_BROKER_UNAVAILABLE', `The broker at ${address} has not heard of the other ${brokers.length - 1} within 30 s.`);
      await sleep(50);
    }
  }
}
