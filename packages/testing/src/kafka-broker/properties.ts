import { LISTENERS, type ListenerName } from './listeners.js';

/** What one node needs to know of its cluster. */
export interface Layout {
  readonly node: number;
  /** Of each node, in the order of node ids from 1. */
  readonly controllerPorts: readonly number[];
  /** Where brokers talk to each other. */
  readonly internalPort: number;
  /** Where clients connect to, by listener. */
  readonly ports: ReadonlyMap<ListenerName, number>;
  /** What clients are told instead, where something stands between. */
  readonly advertisedPorts: ReadonlyMap<ListenerName, number>;
  readonly dataFolder: string;
}

/**
 * The properties of one node, controller and broker in one (KRaft, a static quorum), made to start, elect and forget quickly
 * with few partitions. `config` wins over them.
 */
export function brokerProperties(layout: Layout, config: Readonly<Record<string, string>> = {}): Record<string, string> {
  const { node, controllerPorts, ports, advertisedPorts, internalPort, dataFolder } = layout;
  const replication = String(Math.min(controllerPorts.length, 3));
  const inSync = controllerPorts.length < 3 ? '1' : '2';
  const address = (name: string, port: number | undefined): string => `${name}://127.0.0.1:${port}`;
  const clients = [...ports];
  return {
    'process.roles': 'broker,controller',
    'node.id': String(node),
    'controller.quorum.voters': controllerPorts.map((each, i) => `${i + 1}@127.0.0.1:${each}`).join(','),
    'listeners': [
      address('CONTROLLER', controllerPorts[node - 1]),
      address('INTERNAL', internalPort),
      ...clients.map(([name, port]) => address(LISTENERS[name].name, port)),
    ].join(','),
    'advertised.listeners': [
      address('INTERNAL', internalPort),
      ...clients.map(([name, port]) => address(LISTENERS[name].name, advertisedPorts.get(name) ?? port)),
    ].join(','),
    'listener.security.protocol.map': ['CONTROLLER:PLAINTEXT', 'INTERNAL:PLAINTEXT', ...clients.map(([name]) => `${LISTENERS[name].name}:${LISTENERS[name].protocol}`)].join(','),
    'inter.broker.listener.name': 'INTERNAL',
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': dataFolder,

    'auto.create.topics.enable': 'false',
    'default.replication.factor': replication,
    'min.insync.replicas': inSync,
    'offsets.topic.num.partitions': '4',
    'offsets.topic.replication.factor': replication,
    'transaction.state.log.num.partitions': '4',
    'transaction.state.log.replication.factor': replication,
    'transaction.state.log.min.isr': inSync,
    'share.coordinator.state.topic.num.partitions': '1',
    'share.coordinator.state.topic.replication.factor': replication,
    'share.coordinator.state.topic.min.isr': inSync,

    'group.initial.rebalance.delay.ms': '0',
    // A broker that died is noticed, and a transaction that nobody ends is aborted, within a few seconds.
    'broker.heartbeat.interval.ms': '500',
    'broker.session.timeout.ms': '3000',
    'controller.quorum.election.timeout.ms': '500',
    'controller.quorum.fetch.timeout.ms': '1000',
    'transaction.abort.timed.out.transaction.cleanup.interval.ms': '1000',
    'log.segment.delete.delay.ms': '1000',
    // The default takes 128 MiB of a small heap.
    'log.cleaner.dedupe.buffer.size': '16777216',
    ...config,
  };
}

/** In the form of a Java properties file. */
export function formatProperties(properties: Readonly<Record<string, string>>): string {
  return Object.entries(properties).map(([name, value]) => `${name}=${value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n`).join('');
}
