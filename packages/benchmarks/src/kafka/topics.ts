import { Kafka, logLevel, type Admin } from 'kafkajs';
import { bootstrap } from './broker.js';

/** Of every topic. */
export const PARTITIONS = 4;

let admin: Promise<Admin> | undefined;
let made = 0;

async function connected(): Promise<Admin> {
  admin ??= (async () => {
    const connecting = new Kafka({ brokers: [bootstrap()], logLevel: logLevel.ERROR }).admin();
    await connecting.connect();
    return connecting;
  })();
  return admin;
}

/** A name that no other topic or group has. */
export function uniqueName(what: string): string {
  return `benchmark-${what}-${process.pid}-${++made}`;
}

/** Makes a topic, and deletes it after `use`. */
export async function withTopic<T>(what: string, use: (topic: string) => Promise<T>): Promise<T> {
  const topic = uniqueName(what);
  await (await connected()).createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: PARTITIONS, replicationFactor: 1 }] });
  try {
    return await use(topic);
  } finally {
    await (await connected()).deleteTopics({ topics: [topic] });
  }
}

/** Offsets that a topic has, markers of transactions included. */
export async function countOffsets(topic: string): Promise<number> {
  const partitions = await (await connected()).fetchTopicOffsets(topic);
  return partitions.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
}

export async function closeTopics(): Promise<void> {
  await (await admin)?.disconnect();
  admin = undefined;
}
