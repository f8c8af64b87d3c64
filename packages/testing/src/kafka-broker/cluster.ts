import { MillraceError } from '@millrace/core';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KafkaBroker } from './broker.js';
import { makeCertificates, type Certificates } from './certificates.js';
import { scramOptions, securityProperties, usesSasl, usesTls, type ListenerName } from './listeners.js';
import { freePorts } from './ports.js';
import { askForBrokers } from './probe.js';
import { brokerProperties, formatProperties } from './properties.js';
import { FaultProxy } from './proxy.js';
import { findKafka, type KafkaSource } from './source.js';
import { format, formatStorage, storageTemplate, uuid } from './storage.js';
import { runKafkaTool, type KafkaTool, type KafkaToolOptions } from './tools.js';

/** What {@link startKafka} takes. */
export interface KafkaOptions {
  /** Of Apache Kafka: exact (`4.4.0`), or a line (`4`, `3.9`) for the release that Millrace is tested with. Default: the newest of these. */
  readonly version?: string | undefined;
  /** How many; default 1. From 3 on, topics are replicated three times with two in sync. */
  readonly brokers?: number | undefined;
  /** Broker properties, over those that Millrace sets. */
  readonly config?: Readonly<Record<string, string>> | undefined;
  /** More ways in for clients, beside the plain one. */
  readonly listeners?: readonly Exclude<ListenerName, 'plain'>[] | undefined;
  /** Names and passwords for the SASL listeners. */
  readonly users?: Readonly<Record<string, string>> | undefined;
  /**
   * Principals that may do everything, as `User:admin`. Where they are given, everybody else may do what ACLs allow, but for
   * clients without a name, which the brokers themselves are: those of the listeners `plain` and `tls`.
   */
  readonly superUsers?: readonly string[] | undefined;
  /** True: clients of the plain listener come through a {@link FaultProxy} per broker. Default false. */
  readonly proxied?: boolean | undefined;
  /** The port of the first broker's plain listener; default one that is free. */
  readonly port?: number | undefined;
  /** Options of the JVM instead of {@link QUICK_JVM}, which suit tests: a benchmark wants the optimizing compiler and memory. */
  readonly jvm?: readonly string[] | undefined;
  /** Where the cluster keeps its data, in a folder of its own; default the system's temporary folder, and under Docker in there. */
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
  /** Where clients without TLS and SASL connect to: the addresses of all brokers, `host:port,host:port`. */
  readonly bootstrap: string;
  /** In the order of their ids, which start at 1. */
  readonly brokers: readonly KafkaBroker[];
  /** What the TLS listeners show and ask for, where there are any. */
  readonly certificates: Certificates | undefined;
  /** Where its data is. */
  readonly folder: string;
  /** As `bootstrap`, of any listener that it was started with. */
  address(listener: ListenerName): string;
  /** Runs one of Kafka's own commands of this version, see {@link runKafkaTool}. */
  tool(name: KafkaTool, args: readonly string[], options?: Omit<KafkaToolOptions, 'version'>): ReturnType<typeof runKafkaTool>;
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
  const source = await findKafka(options.version);
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(source, options);
    } catch (error) {
      // Between the choice of a port and its use another process may take it.
      if (attempt === 3 || !String(error).includes('Address already in use')) throw error;
    }
  }
}

async function startOnce(source: KafkaSource, options: KafkaOptions): Promise<KafkaCluster> {
  const folder = await mkdtemp(join(options.folder ?? tmpdir(), 'millrace-kafka-'));
  const brokers: KafkaBroker[] = [];
  const proxies: FaultProxy[] = [];
  const close = async (): Promise<void> => {
    for (const proxy of proxies) proxy.close();
    await Promise.all(brokers.map((broker) => broker.kill()));
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  try {
    const { listeners, ports, controllerPorts, internalPorts } = await choosePorts(options);
    const sasl = listeners.some(usesSasl);
    const certificates = listeners.some(usesTls) ? makeCertificates() : undefined;
    const security = await secure(folder, options, listeners, certificates);
    const template = sasl ? await format(source, join(folder, 'format'), scramOptions(options.users ?? {})) : await storageTemplate(source);
    const clusterId = uuid();
    for (const [i, own] of ports.entries()) {
      const node = i + 1, brokerFolder = join(folder, `broker-${node}`), dataFolder = join(brokerFolder, 'data');
      const plain = own.get('plain') as number, internalPort = internalPorts[i] as number;
      const proxy = options.proxied ? new FaultProxy(plain) : undefined;
      if (proxy !== undefined) {
        await proxy.listen();
        proxies.push(proxy);
      }
      const advertisedPorts = new Map<ListenerName, number>(proxy === undefined ? [] : [['plain', proxy.port]]);
      await mkdir(brokerFolder);
      await formatStorage(template, dataFolder, clusterId, node);
      const properties = brokerProperties({ node, controllerPorts, internalPort, ports: own, advertisedPorts, dataFolder }, { ...security, ...options.config });
      await writeFile(join(brokerFolder, 'server.properties'), formatProperties(properties));
      brokers.push(new KafkaBroker(source, {
        node, internalPort, proxy, port: proxy?.port ?? plain, clusterFolder: folder, folder: brokerFolder, container: `millrace-kafka-${clusterId}-${node}`,
        jvm: [...(options.jvm ?? QUICK_JVM), ...LOGGING], detached: options.detached ?? false,
      }));
    }
    await Promise.all(brokers.map((broker) => broker.start()));
    await knowEachOther(internalPorts);

    const bootstrap = brokers.map((broker) => broker.address).join(',');
    const address = (listener: ListenerName): string => {
      if (listener === 'plain') return bootstrap;
      if (!listeners.includes(listener)) throw new MillraceError('MILLRACE_OPTION_INVALID', `This cluster has no listener ${listener}: name it in \`listeners\`.`);
      return ports.map((own) => `127.0.0.1:${own.get(listener)}`).join(',');
    };
    const tool: KafkaCluster['tool'] = (name, args, rest) => runKafkaTool(name, args, { ...rest, version: source.version });
    return { version: source.version, bootstrap, brokers, certificates, folder, address, tool, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function choosePorts(options: KafkaOptions) {
  const count = options.brokers ?? 1;
  const listeners: readonly ListenerName[] = ['plain', ...(options.listeners ?? [])];
  const free = [...(await freePorts(count * (2 + listeners.length)))];
  const controllerPorts = free.splice(0, count), internalPorts = free.splice(0, count);
  const ports = controllerPorts.map((_, i) => new Map(listeners.map((name) => [name, i === 0 && name === 'plain' && options.port ? options.port : (free.pop() as number)])));
  return { listeners, ports, controllerPorts, internalPorts };
}

/** Writes the files that the broker's security needs, and gives its properties. */
async function secure(folder: string, options: KafkaOptions, listeners: readonly ListenerName[], certificates: Certificates | undefined): Promise<Record<string, string>> {
  const keystore = join(folder, 'broker.pem'), truststore = join(folder, 'ca.pem');
  if (certificates !== undefined) {
    await writeFile(keystore, certificates.server.key + certificates.server.cert, { mode: 0o600 });
    await writeFile(truststore, certificates.ca);
  }
  return securityProperties({ listeners, users: options.users ?? {}, superUsers: options.superUsers, keystore, truststore });
}

/** A broker that answers may not have heard of the others yet. */
async function knowEachOther(internalPorts: readonly number[]): Promise<void> {
  const deadline = performance.now() + 60_000;
  for (const port of internalPorts) {
    while ((await askForBrokers(port)).length < internalPorts.length) {
      if (performance.now() > deadline) throw new MillraceError('MILLRACE_BROKER_UNAVAILABLE', `The broker at 127.0.0.1:${port} has not heard of the other ${internalPorts.length - 1} within a minute.`);
      await sleep(50);
    }
  }
}
