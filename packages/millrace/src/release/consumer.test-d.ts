/** Code of a user of every public entry, checked strictly and together with the declarations of all that is installed: no `skipLibCheck`. */
import type { ChannelBackend } from '@millrace/core';
import { kafkaModule, kafkaOptions } from '@millrace/kafka-io';
import { localModule } from '@millrace/local-io';
import { OperatorHarness, registerChannelConformance } from '@millrace/testing';
import { startKafka, type KafkaCluster } from '@millrace/testing/kafka';
import { avro, input, InputPort, loadPipeline, operator, Operator, orchestrate, output, OutputPort, Pipeline, state, type OrchestrateOptions, type ParametersOf, type RecordOf, type Run, type RunResult } from 'millrace';
import { pinoLogger } from 'millrace/logs';
import { prometheusMetrics } from 'millrace/metrics';
import { z } from 'zod';

const Order = avro(z.object({ id: z.string(), cents: z.int() }).meta({ id: 'Order' }));
type Order = RecordOf<typeof Order>;

@operator(import.meta, { description: 'Passes on what is large.' })
export class Large extends Operator {
  static override readonly parameters = z.object({ cents: z.int().default(100) });
  declare readonly parameters: ParametersOf<typeof Large>;
  @input(Order) declare readonly orders: InputPort<Order>;
  @output(Order) declare readonly large: OutputPort<Order>;
  @state(z.object({ seen: z.int().default(0) })) declare counts: { seen: number };

  override async onRunning() {
    const orders = this.orders.retrieve();
    this.counts.seen += orders.length;
    await this.large.send(orders.filter(({ cents }) => cents > this.parameters.cents), { key: ({ id }) => id });
  }
}

export class Orders extends Pipeline {
  readonly first = this.add(Large, { cents: 5 }, { replicas: 2 });
  readonly second = this.add(Large);

  constructor() {
    super('orders');
    this.second.orders.connect(this.first.large);
    // @ts-expect-error -- a port that the operator does not have
    this.second.parcels;
    // @ts-expect-error -- a parameter of another type
    this.add(Large, { cents: 'five' });
  }
}

export async function start(options: OrchestrateOptions): Promise<RunResult> {
  const run: Run = await orchestrate(new Orders(), { ...options, logger: pinoLogger({ debug() {}, info() {}, warn() {}, error() {}, child() { return this; } }) });
  await prometheusMetrics(run).metrics();
  return run.completed;
}

export const rest = [loadPipeline, kafkaModule, kafkaOptions, localModule, registerChannelConformance, startKafka];
export type Rest = [ChannelBackend, KafkaCluster];

export async function harness(): Promise<readonly Order[]> {
  const large = await OperatorHarness.create(Large, { parameters: { cents: 1 } });
  large.input('orders').push([{ id: 'a', cents: 2 }]);
  await large.run();
  return large.output('large').take();
}
