import { randomUUID } from 'node:crypto';
import { PlanError, SchemaCatalog, StatusBoard, stderrLogger, systemClock, toError, type Pipeline, type Plan, type Problem } from '@millrace/core';
import { resolveBackends } from './backends.js';
import { deletable, ownChannels, refuseUnread } from './completion.js';
import { Generations, type GenerationState } from './generation.js';
import type { OrchestrateOptions } from './options.js';
import { preflight, resolveExternalChannels } from './preflight/index.js';
import { createReplicas, type Shared } from './replicas.js';
import { Run } from './run.js';
import { ServiceContainer } from './services.js';
import { endOnAbort, endOnSignals } from './signals.js';
import { Transports } from './transports.js';

/** What a start has before it has a generation. */
type Ground = Omit<Shared, 'generation' | 'board' | 'schemas'>;

/**
 * Starts a pipeline: plans it, connects, looks at what is there, begins a new generation and runs the replicas in this process.
 * Resolves when the run is about to begin.
 * @throws PlanError with all problems of the plan, or of the preflight, at once
 * @throws MillraceError `MILLRACE_FENCED` where another start of the pipeline came in between; `MILLRACE_DATA_UNREAD` where mode
 * `ResourceDeletionOnly` would delete records that nobody has read
 */
export async function orchestrate(pipeline: Pipeline, options: OrchestrateOptions): Promise<Run> {
  const { clock = systemClock, mode = 'Standard', logger = stderrLogger(), runId = randomUUID() } = options;
  const backends = await resolveBackends(options.backends);
  const plan = pipeline.plan({ location: options.location, backends, defaults: options.defaults, only: options.only, runId: options.runId });
  refuse(plan, plan.problems);
  const services = await ServiceContainer.load(options.services);
  const transports = await Transports.open(mode === 'Skip' ? [] : locationsOf(plan), backends, options.connect);
  try {
    const ground: Ground = { plan, runId, mode, transports, services, clock, logger };
    const run = mode === 'Skip' ? skip(ground) : await start(ground, options);
    if (options.handleSignals !== false) endOnSignals(run);
    if (options.signal !== undefined) endOnAbort(run, options.signal);
    return run;
  } catch (error) {
    await transports.close();
    throw error;
  }
}

function locationsOf({ location, channels }: Plan): readonly string[] {
  return [location, ...channels.map((channel) => channel.location)];
}

function refuse({ pipeline }: Plan, problems: readonly Problem[]): void {
  if (problems.some(({ severity }) => severity === 'error')) throw new PlanError(pipeline, problems);
}

function skip(ground: Ground): Run {
  const shared: Shared = { ...ground, generation: 0, board: undefined, schemas: undefined };
  return new Run({ ...shared, grace: 0, createReplicas: (events) => createReplicas(shared, events), onEnd: async () => {} });
}

async function start(given: Ground, options: OrchestrateOptions): Promise<Run> {
  const { transports, services, clock, logger, runId, mode } = given;
  const home = transports.get(given.plan.location);
  const generations = new Generations({ transport: home, plan: given.plan, runId, isShared: options.runId !== undefined, clock });
  if (options.fresh === true) await generations.reset(ownChannels(given.plan).map(({ name }) => name));
  const findings = await preflight(given.plan, { transports: transports.all, whyNot: (operator) => services.whyNot(operator) });
  refuse(given.plan, findings);
  for (const { where, code, what, remedy } of [...given.plan.problems, ...findings]) logger.warn({ where, code }, `${what}; ${remedy}`);
  const plan = await resolveExternalChannels(given.plan, transports.all);
  // Before anybody is fenced for it.
  if (mode === 'ResourceDeletionOnly') await refuseUnread(plan, home);
  const generation = await generations.begin();
  if (mode !== 'ResourceDeletionOnly' && generation.phase === 'running') await home.createResources(ownChannels(plan));
  return await open({ ...given, plan }, options, generations, generation);
}

/** Opens what the replicas share; the run closes it after the last of them. */
async function open(ground: Ground, { grace = 20_000, heartbeat }: OrchestrateOptions, generations: Generations, generation: GenerationState): Promise<Run> {
  const { plan, transports, clock, logger } = ground;
  const control = transports.get(plan.location).control(plan.pipeline);
  const board = await StatusBoard.open(control, {
    generation: generation.number, process: randomUUID(), clock,
    ...(heartbeat === undefined ? {} : { heartbeat }),
    onFailure: (error) => logger.warn({ pipeline: plan.pipeline, error }, 'a heartbeat could not be written'),
  });
  try {
    const schemas = await SchemaCatalog.open(control);
    const shared: Shared = { ...ground, generation: generation.number, board, schemas };
    // A start that comes when its run is over has nothing to do.
    const isOver = generation.phase === 'completed';
    return new Run({ ...shared, grace, createReplicas: (events) => (isOver ? [] : createReplicas(shared, events)), onEnd: (done) => close(shared, generations, done && !isOver ? generation : undefined) });
  } catch (error) {
    await board.close();
    throw error;
  }
}

/** After the last replica: closes, and deletes what a generation that is done had. Runs every clean-up, and then throws the first error. */
async function close({ plan, mode, transports, board, schemas }: Shared, generations: Generations, done: GenerationState | undefined): Promise<void> {
  const steps: (() => Promise<unknown>)[] = [async () => board?.close(), async () => schemas?.close(), async () => {
    if (done === undefined || board === undefined) return;
    const channels = await deletable(plan, mode, board, transports.get(plan.location));
    if (channels !== undefined) await generations.complete(done, channels);
  }, () => transports.close()];
  const errors: unknown[] = [];
  for (const step of steps) await step().catch((error: unknown) => errors.push(error));
  if (errors.length > 0) throw toError(errors[0], 'closing the run');
}
