import { MillraceError } from '@millrace/core';
import { orchestrate, type Run } from '@millrace/orchestrator';
import { EXIT } from '../failure.js';
import { loggerOf, type LogFlags } from '../logging.js';
import { prepare, type RunFlags } from '../run-options.js';
import type { Streams } from '../terminal.js';
import { HealthOfRun } from './health.js';
import { addressOf, serve, type Endpoint } from './server.js';

export interface OperatorFlags extends RunFlags, LogFlags {
  readonly http: string;
}

/**
 * `millrace operator`: runs some operators or replicas of a pipeline, for a container. Its endpoint answers before anything
 * connects, so that a probe sees a start that hangs.
 * @returns the exit code of the run
 */
export async function operator(target: string, only: readonly string[], flags: OperatorFlags, { err }: Streams): Promise<number> {
  const logger = await loggerOf(err, flags);
  const health = new HealthOfRun();
  const onSignal = (): void => health.stopping();
  let running: Run | undefined;
  let endpoint: Endpoint | undefined;
  try {
    if (only.length === 0) throw new MillraceError('MILLRACE_COMMAND_INVALID', 'name the operators or replicas to run, as arguments or in MILLRACE_ONLY: reader, writer#2');
    const { pipeline, options } = await prepare(target, { ...flags, only });
    endpoint = flags.http === 'off' ? undefined : await serveRun(flags.http, health, () => running);
    for (const signal of SIGNALS) process.on(signal, onSignal);
    if (endpoint !== undefined) logger.info({ url: endpoint.url, pipeline: pipeline.name }, 'listening');
    running = await orchestrate(pipeline, { ...options, logger });
    health.watch(running);
    logger.info({ pipeline: pipeline.name, runId: running.runId, generation: running.generation, replicas: [...running.stages.keys()] }, 'started');
    const { outcome, exitCode } = await running.completed;
    logger.info({ pipeline: pipeline.name, outcome, exitCode }, 'ended');
    return exitCode;
  } catch (error) {
    // A run logs its own; that there is none must be told even where nothing is logged.
    if (running === undefined && flags.logLevel === 'silent') throw error;
    if (running === undefined) logger.error({ error }, 'not started');
    return running?.exitCode ?? EXIT.failed;
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal);
    await endpoint?.close();
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

async function serveRun(http: string, health: HealthOfRun, running: () => Run | undefined): Promise<Endpoint> {
  const address = addressOf(http);
  const [{ collectDefaultMetrics, Registry }, { prometheusMetrics }] = await Promise.all([import('prom-client'), import('../../metrics/prometheus.js')]);
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  let watched: Run | undefined;
  return await serve(address, health, async () => {
    const run = running();
    if (run !== undefined && watched === undefined) prometheusMetrics((watched = run), { registry });
    return { contentType: registry.contentType, text: await registry.metrics() };
  });
}
