import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel, type Admin } from 'kafkajs';
import type { Measured } from '../harness/race.js';
import { bootstrap } from './broker.js';

/** Of every topic. */
const PARTITIONS = 4;

let made = 0;

/** A name that no other topic, group or pipeline has. */
export function uniqueName(what: string): string {
  return `benchmark-${what}-${process.pid}-${++made}`;
}

/** Makes a topic, and deletes it after `use`. */
export async function withTopic<T>(what: string, use: (topic: string) => Promise<T>): Promise<T> {
  const topic = uniqueName(what);
  await administer(async (admin) => {
    await admin.createTopics({ waitForLeaders: false, topics: [{ topic, numPartitions: PARTITIONS, replicationFactor: 1 }] });
    while (!(await hasLeaders(admin, topic))) await sleep(20);
  });
  try {
    return await use(topic);
  } finally {
    await administer((admin) => admin.deleteTopics({ topics: [topic] }));
  }
}

/** Makes a topic, measures what fills it with at least so many records, and deletes it. */
export function withOutput(what: string, records: number, fill: (topic: string) => Promise<Measured>): Promise<Measured> {
  return withTopic(what, async (topic) => {
    const measured = await fill(topic);
    const stored = await countOffsets(topic);
    if (stored < records) throw new Error(`${stored} of ${records} records were written`);
    return measured;
  });
}

/** The wait of kafkajs itself gives up where a busy broker has not heard of the topic yet. */
async function hasLeaders(admin: Admin, topic: string): Promise<boolean> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics.every(({ partitions }) => partitions.length === PARTITIONS && partitions.every(({ leader }) => leader >= 0));
  } catch (error) {
    if (error instanceof Error && 'retriable' in error && error.retriable === true) return false;
    throw error;
  }
}

/** A name for a pipeline, whose topics go after `use`. */
export async function withPipelineName<T>(what: string, use: (name: string) => Promise<T>): Promise<T> {
  const name = uniqueName(what);
  try {
    return await use(name);
  } finally {
    await administer(async (admin) => {
      const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(`${name}.`));
      if (topics.length > 0) await admin.deleteTopics({ topics });
    });
  }
}

/** Offsets that a topic has, markers of transactions included. */
async function countOffsets(topic: string): Promise<number> {
  const partitions = await administer((admin) => admin.fetchTopicOffsets(topic));
  return partitions.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
}

/** With a client of its own: kafkajs goes on asking for topics that are deleted by now. */
async function administer<T>(use: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Kafka({ brokers: [bootstrap()], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}
