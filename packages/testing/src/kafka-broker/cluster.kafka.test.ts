import { ownKafka, sharedKafka } from '#kafka';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { startKafka, type KafkaCluster } from './cluster.js';
import { client, createTopic, read, send } from './fixtures.js';
import { runKafkaTool } from './tools.js';

const { bootstrap, describe } = await sharedKafka();
const { describe: describeOwn } = await ownKafka('3.9');

describe('the shared broker', () => {
  it('takes records of the console producer and gives them to the console consumer', async () => {
    const topic = `tools-${crypto.randomUUID()}`;
    await runKafkaTool('kafka-topics', ['--bootstrap-server', bootstrap, '--create', '--topic', topic, '--partitions', '1']);
    await runKafkaTool('kafka-console-producer', ['--bootstrap-server', bootstrap, '--topic', topic], { input: 'one\ntwo\n' });
    const { stdout } = await runKafkaTool('kafka-console-consumer', ['--bootstrap-server', bootstrap, '--topic', topic, '--from-beginning', '--max-messages', '2']);
    expect(stdout).toBe('one\ntwo\n');
  });

  it('names the tool and what it printed where it fails', async () => {
    const failing = runKafkaTool('kafka-topics', ['--bootstrap-server', bootstrap, '--describe', '--topic', 'nowhere']);
    await expect(failing).rejects.toMatchObject({ code: 'MILLRACE_BROKER_TOOL_FAILED', message: expect.stringMatching(/^MILLRACE_BROKER_TOOL_FAILED: kafka-topics --bootstrap-server .*'nowhere' does not exist/s) });
  });
});

describeOwn('a broker of the older line, behind a proxy', () => {
  let cluster: KafkaCluster;
  beforeAll(async () => {
    cluster = await startKafka({ version: '3.9', proxied: true });
  });
  afterAll(() => cluster?.close());

  it('is of that line, and its tools work where classes have moved since', async () => {
    expect(cluster.version).toMatch(/^3\.9\./);
    await cluster.tool('kafka-topics', ['--bootstrap-server', cluster.bootstrap, '--create', '--topic', 'old']);
    await cluster.tool('kafka-console-producer', ['--bootstrap-server', cluster.bootstrap, '--topic', 'old'], { input: 'one\n' });
    expect(await read(client(cluster.bootstrap), 'old', 1)).toEqual(['one']);
  });

  it('clients come through the proxy, and what it swallows leaves them without an answer', async () => {
    const [broker] = cluster.brokers as [KafkaCluster['brokers'][0]];
    const kafka = client(cluster.bootstrap, { retry: { retries: 0 }, requestTimeout: 5_000 });
    await createTopic(kafka, 'behind');
    const producer = kafka.producer();
    await producer.connect();
    await producer.send({ topic: 'behind', messages: [{ value: 'one' }] });
    expect(broker.proxy.connections).toBeGreaterThan(0);

    broker.proxy.swallow('answers');
    const unanswered = producer.send({ topic: 'behind', messages: [{ value: 'two' }] });
    await vi.waitFor(() => expect(broker.proxy.swallowed).toBeGreaterThan(0), { timeout: 10_000 });
    broker.proxy.cut();
    await expect(unanswered).rejects.toThrow();
    await broker.proxy.heal();
    await producer.disconnect();

    await send(client(cluster.bootstrap), 'behind', 'three');
    expect(await read(client(cluster.bootstrap), 'behind', 3)).toEqual(['one', 'two', 'three']);
  });

  it('nobody comes in while the proxy refuses', async () => {
    const [broker] = cluster.brokers as [KafkaCluster['brokers'][0]];
    broker.proxy.refuse();
    await expect(client(cluster.bootstrap, { retry: { retries: 0 } }).admin().connect()).rejects.toThrow('ECONNREFUSED');
    await broker.proxy.heal();
    await createTopic(client(cluster.bootstrap), 'healed');
  });
});
