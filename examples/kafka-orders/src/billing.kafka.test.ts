import { sharedKafka } from '#kafka';
import { runKafkaTool, type KafkaTool } from '@millrace/testing/kafka';
import { orchestrate, silentLogger } from 'millrace';
import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { Orders } from './billing.js';

const { bootstrap, describe } = await sharedKafka();
/** Each tool is a program of Java: the compiler that is quick to start does. */
const JVM = ['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
const tool = (name: KafkaTool, args: readonly string[], input?: string) => runKafkaTool(name, ['--bootstrap-server', bootstrap, ...args], { jvm: JVM, input });
const ORDERS = ['{"id":"a1","customer":"ann","cents":250,"quantity":2}', '{"id":"b1","customer":"bob","cents":999}', 'no order at all', '{"id":"a2","customer":"ann","cents":5,"quantity":10}'];
const BILLS = ['{"order":"a1","customer":"ann","cents":500}', '{"order":"a2","customer":"ann","cents":50}', '{"order":"b1","customer":"bob","cents":999}'];

describe('orders', () => {
  it('come from the console producer, and their bills go to the console consumer', async () => {
    const mark = randomUUID();
    await Promise.all(['orders', 'bills'].map((topic) => tool('kafka-topics', ['--create', '--topic', `${topic}-${mark}`, '--partitions', '2'])));
    await tool('kafka-console-producer', ['--topic', `orders-${mark}`], `${ORDERS.join('\n')}\n`);
    const location = `kafka://${bootstrap}`;
    const pipeline = new Orders(`billing-${mark}`, { orders: `${location}/orders-${mark}?group=billing-${mark}&format=json&until=end`, bills: `${location}/bills-${mark}?format=json` });
    await (await orchestrate(pipeline, { location, defaults: { delivery: 'exactly-once' }, logger: silentLogger, handleSignals: false })).completed;
    const { stdout } = await tool('kafka-console-consumer', ['--topic', `bills-${mark}`, '--from-beginning', '--max-messages', '3', '--timeout-ms', '30000', '--isolation-level', 'read_committed']);
    expect(stdout.trim().split('\n').toSorted()).toEqual(BILLS);
  });
});
