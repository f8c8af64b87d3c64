import { Kafka, logLevel, type KafkaConfig } from 'kafkajs';

/** A client that keeps its retries to itself. */
export function client(bootstrap: string, config: Partial<KafkaConfig> = {}): Kafka {
  return new Kafka({ brokers: bootstrap.split(','), logLevel: logLevel.NOTHING, retry: { retries: 8, initialRetryTime: 50, maxRetryTime: 1_000 }, ...config });
}

export async function createTopic(kafka: Kafka, topic: string, replicationFactor = 1): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    await admin.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor }], waitForLeaders: true });
  } finally {
    await admin.disconnect();
  }
}

/** Sends values one after the other, each acknowledged by all replicas in sync. */
export async function send(kafka: Kafka, topic: string, ...values: readonly string[]): Promise<void> {
  const producer = kafka.producer();
  await producer.connect();
  try {
    for (const value of values) await producer.send({ topic, acks: -1, messages: [{ key: null, value }] });
  } finally {
    await producer.disconnect();
  }
}

/** The first `count` values of a topic of one partition. */
export async function read(kafka: Kafka, topic: string, count: number): Promise<string[]> {
  const consumer = kafka.consumer({ groupId: `read-${crypto.randomUUID()}` });
  await consumer.connect();
  try {
    const values: string[] = [];
    await consumer.subscribe({ topic, fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      // A coordinator that is still loading makes it crash, and try again.
      consumer.on('consumer.crash', ({ payload }) => {
        if (!payload.restart) reject(payload.error);
      });
      void consumer.run({
        eachMessage: async ({ message }) => {
          values.push(String(message.value));
          if (values.length === count) resolve();
        },
      }).catch(reject);
    });
    return values;
  } finally {
    await consumer.disconnect();
  }
}

export async function leaderOf(kafka: Kafka, topic: string): Promise<number> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics[0]?.partitions[0]?.leader ?? -1;
  } finally {
    await admin.disconnect();
  }
}
