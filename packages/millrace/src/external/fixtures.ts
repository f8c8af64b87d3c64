import { randomBytes } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';
import { expect, vi } from 'vitest';
import { avro, ContainerModule, inject, input, InputPort, operator, Operator, orchestrate, output, OutputPort, Pipeline, silentLogger, type OrchestrateOptions, type RecordOf, type Run } from '../index.js';
import { z } from 'zod';

export const Order = avro(z.object({ id: z.int(), item: z.string(), note: z.string().optional() }).meta({ id: 'com.acme.Order' }));
export type Order = RecordOf<typeof Order>;

/** What operators of a test got, and are to send. */
export class Desk {
  readonly got: Order[] = [];
  readonly toSend: Order[] = [];
}

@operator(import.meta)
export class Reads extends Operator {
  @input(Order) declare readonly orders: InputPort<Order>;

  constructor(@inject(Desk) private readonly desk: Desk) {
    super();
  }

  override onRunning(): void {
    this.desk.got.push(...this.orders.retrieve());
  }
}

@operator(import.meta)
export class Writes extends Operator {
  @output(Order) declare readonly orders: OutputPort<Order>;

  constructor(@inject(Desk) private readonly desk: Desk) {
    super();
  }

  override async onRunning(): Promise<boolean> {
    await this.orders.send(this.desk.toSend);
    return true;
  }
}

/** Of a topic, group, pipeline: nobody else has it. */
export function unique(label: string): string {
  return `${label}-${randomBytes(6).toString('hex')}`;
}

/** Starts one operator with a binding of its port `orders`. */
export async function start(desk: Desk, location: string, binding: { readonly from: string } | { readonly to: string }, options: Partial<OrchestrateOptions> = {}): Promise<Run> {
  const pipeline = new Pipeline(unique('external'));
  if ('from' in binding) pipeline.add(Reads, {}, { name: 'reads' }).orders.from(binding.from);
  else pipeline.add(Writes, {}, { name: 'writes' }).orders.to(binding.to);
  const services = new ContainerModule(({ bind }) => void bind(Desk).toConstantValue(desk));
  return orchestrate(pipeline, { location, services, logger: silentLogger, handleSignals: false, ...options });
}

/** A client as others have one, and topics for it. */
export class Others {
  readonly kafka: Kafka;

  constructor(bootstrap: string) {
    this.kafka = new Kafka({ brokers: bootstrap.split(','), logLevel: logLevel.NOTHING });
  }

  async createTopic(label: string, numPartitions = 1): Promise<string> {
    return await this.makeTopic(unique(label), numPartitions);
  }

  /** Of just that name. */
  async makeTopic(topic: string, numPartitions = 1): Promise<string> {
    await this.#asAdmin((admin) => admin.createTopics({ topics: [{ topic, numPartitions }], waitForLeaders: true }));
    return topic;
  }

  /** Gives a topic more partitions, `count` in all. */
  async addPartitions(topic: string, count: number): Promise<void> {
    await this.#asAdmin(async (admin) => {
      await admin.createPartitions({ topicPartitions: [{ topic, count }] });
      await vi.waitFor(async () => expect((await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]?.partitions.filter(({ leader }) => leader >= 0)).toHaveLength(count), { timeout: 30_000, interval: 20 });
    });
  }

  /** What a group has committed, by partition. */
  async positions(groupId: string, topic: string): Promise<Record<number, number>> {
    return this.#asAdmin(async (admin) => {
      const [found] = await admin.fetchOffsets({ groupId, topics: [topic] });
      return Object.fromEntries((found?.partitions ?? []).map(({ partition, offset }) => [partition, Number(offset)]));
    });
  }

  async deleteTopic(topic: string): Promise<void> {
    await this.#asAdmin((admin) => admin.deleteTopics({ topics: [topic] }));
  }

  /** Deletes a topic and makes another one of its name. */
  async remakeTopic(topic: string): Promise<void> {
    await this.#asAdmin(async (admin) => {
      await admin.deleteTopics({ topics: [topic] });
      await vi.waitFor(() => admin.createTopics({ topics: [{ topic }], waitForLeaders: true }), { timeout: 20_000, interval: 5 });
    });
  }

  async send(topic: string, values: readonly (Buffer | string)[], partition = 0, timestamp?: number): Promise<void> {
    const producer = this.kafka.producer();
    await producer.connect();
    try {
      await producer.send({ topic, messages: values.map((value) => ({ value, partition, ...(timestamp === undefined ? {} : { timestamp: String(timestamp) }) })) });
    } finally {
      await producer.disconnect();
    }
  }

  /** The first `count` values of a topic. */
  async read(topic: string, count: number): Promise<Buffer[]> {
    const consumer = this.kafka.consumer({ groupId: unique('others') });
    await consumer.connect();
    try {
      const values: Buffer[] = [];
      await consumer.subscribe({ topic, fromBeginning: true });
      await consumer.run({ eachMessage: ({ message }) => Promise.resolve(void values.push(message.value ?? Buffer.alloc(0))) });
      await vi.waitFor(() => expect(values.length).toBeGreaterThanOrEqual(count), { timeout: 30_000, interval: 20 });
      return values;
    } finally {
      await consumer.disconnect();
    }
  }

  async #asAdmin<T>(work: (admin: ReturnType<Kafka['admin']>) => Promise<T>): Promise<T> {
    const admin = this.kafka.admin();
    await admin.connect();
    try {
      return await work(admin);
    } finally {
      await admin.disconnect();
    }
  }
}
