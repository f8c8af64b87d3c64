import { replicaIndex, type Stage } from '@millrace/core';
import type { PortMetrics, ReplicaMetrics, Run, RunMetrics } from '@millrace/orchestrator';
import { Counter, Gauge, Registry } from 'prom-client';

export interface PrometheusOptions {
  /** Where the metrics are entered, beside others. Default: a registry of its own. */
  readonly registry?: Registry;
}

const STAGES: readonly Stage[] = ['Entry', 'ServiceStart', 'ResourceCreation', 'OperationInit', 'OperationRunning', 'OperationShutdown', 'ResourceDeletion', 'ServiceShutdown', 'Closed', 'Failed'];

/** A metric of every port that has it: which direction, and its value. */
type PortRow = readonly [name: string, help: string, direction: 'input' | 'output', value: (port: PortMetrics) => number | undefined];
type ReplicaRow = readonly [name: string, help: string, value: (replica: ReplicaMetrics) => number];

const PORT_COUNTERS: readonly PortRow[] = [
  ['records_in_total', 'Records that an input port gave its operator.', 'input', ({ records }) => records],
  ['records_out_total', 'Records that an output port was given.', 'output', ({ records }) => records],
  ['bytes_in_total', 'Bytes of encoded values read; 0 where values go by reference.', 'input', ({ bytes }) => bytes],
  ['bytes_out_total', 'Bytes of encoded values written; 0 where values go by reference.', 'output', ({ bytes }) => bytes],
  ['batches_in_total', 'Batches that were read.', 'input', ({ batches }) => batches],
  ['batches_out_total', 'Batches that were written.', 'output', ({ batches }) => batches],
  ['records_skipped_total', 'Records passed over by the policy of their port.', 'input', ({ skipped }) => skipped],
  ['records_dead_lettered_total', 'Records that became dead letters.', 'input', ({ deadLettered }) => deadLettered],
  ['tombstones_in_total', 'Records without a value that were passed over.', 'input', ({ tombstones }) => tombstones],
  ['records_dropped_total', 'Records not sent, because every reader of their partition is done.', 'output', ({ dropped }) => dropped],
  ['back_pressure_seconds_total', 'Time in which the operator waited for room in the output.', 'output', ({ backPressureMs }) => backPressureMs / 1_000],
];
const REPLICA_COUNTERS: readonly ReplicaRow[] = [
  ['steps_total', 'Steps of the operator.', ({ steps }) => steps],
  ['step_seconds_total', 'Time spent in steps; estimated from samples where they are short.', ({ stepMs }) => stepMs / 1_000],
  ['commits_total', 'Commits of outputs, positions and state.', ({ commits }) => commits],
  ['retries_total', 'Times that the operator was built anew after a failed step.', ({ retries }) => retries],
];

/**
 * The metrics of a run for Prometheus, by the conventions for names and units there: `millrace_records_in_total`,
 * `millrace_lag_records`, … with the labels `pipeline`, `operator`, `replica` and `port`. They are those of at most a second ago:
 * however often they are asked for, the backends are not asked for lags more often than that.
 *
 * ```js
 * const registry = prometheusMetrics(run);
 * response.setHeader('content-type', registry.contentType).end(await registry.metrics());
 * ```
 *
 * @see https://prometheus.io/docs/practices/naming/
 */
export function prometheusMetrics(run: Run, { registry = new Registry() }: PrometheusOptions = {}): Registry {
  const newest = newestOf(run);
  const registers = [registry];
  const pipeline = run.plan.pipeline;
  const place = ({ operator, replica }: ReplicaMetrics): { pipeline: string; operator: string; replica: string } => ({ pipeline, operator, replica: String(replicaIndex(replica)) });
  const replicaLabels = ['pipeline', 'operator', 'replica'] as const;
  const portLabels = [...replicaLabels, 'port'] as const;

  const portRows = async ([, , direction, value]: PortRow, take: (labels: Record<(typeof portLabels)[number], string>, value: number) => void): Promise<void> => {
    for (const replica of (await newest()).replicas) {
      const inputs = new Set(run.plan.operators.find(({ name }) => name === replica.operator)?.inputs.map(({ name }) => name));
      for (const port of replica.ports) {
        const found = inputs.has(port.port) === (direction === 'input') ? value(port) : undefined;
        if (found !== undefined) take({ ...place(replica), port: port.port }, found);
      }
    }
  };
  for (const row of PORT_COUNTERS) {
    new Counter({ name: `millrace_${row[0]}`, help: row[1], labelNames: portLabels, registers, async collect() {
      this.reset();
      await portRows(row, (labels, value) => this.inc(labels, value));
    } });
  }
  const lag: PortRow = ['lag_records', 'Records that wait in the channel.', 'input', (port) => port.lag];
  new Gauge({ name: `millrace_${lag[0]}`, help: lag[1], labelNames: portLabels, registers, async collect() {
    this.reset();
    await portRows(lag, (labels, value) => this.set(labels, value));
  } });
  for (const [name, help, value] of REPLICA_COUNTERS) {
    new Counter({ name: `millrace_${name}`, help, labelNames: replicaLabels, registers, async collect() {
      this.reset();
      for (const replica of (await newest()).replicas) this.inc(place(replica), value(replica));
    } });
  }
  new Gauge({ name: 'millrace_replica_stage', help: '1 for the stage that a replica is in.', labelNames: [...replicaLabels, 'stage'], registers, async collect() {
    this.reset();
    for (const replica of (await newest()).replicas) for (const stage of STAGES) this.set({ ...place(replica), stage }, replica.stage === stage ? 1 : 0);
  } });
  const restarts = new Counter({ name: 'millrace_restarts_total', help: 'Times that a replica was started again.', labelNames: replicaLabels, registers });
  run.on('restart', (name) => restarts.inc({ pipeline, operator: operatorOf(name), replica: String(replicaIndex(name)) }));
  return registry;
}

/** `pipeline.operator#0` */
function operatorOf(replica: string): string {
  return replica.slice(replica.indexOf('.') + 1, replica.lastIndexOf('#'));
}

/** What the run told last; asked for where it has told nothing yet, and at its end. One answer serves all metrics of a scrape. */
function newestOf(run: Run): () => Promise<RunMetrics> {
  let told: RunMetrics | undefined;
  let asked: Promise<RunMetrics> | undefined;
  run.on('progress', (metrics) => (told = metrics));
  return async () => {
    if (told !== undefined && run.exitCode === undefined) return told;
    asked ??= run.metrics().finally(() => (asked = undefined));
    return await asked;
  };
}
