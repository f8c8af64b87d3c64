import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PlanError, SchemaCatalog, StatusBoard, stderrLogger, systemClock, toError, type Pipeline, type Plan, type Problem } from '@millrace/core';
import { backendModules, registeredSchemes, resolveBackends } from './backends.js';
import { deletable, ownChannels, refuseUnread } from './completion.js';
import { connectOptions } from './connect-options.js';
import { Generations, type GenerationState } from './generation.js';
import { adoptReplicas, handOver, handOverGround, type UnfinishedRescale } from './rescaling/hand-over.js';
import type { OrchestrateOptions, ResolvedServices } from './options.js';
import { checkChildren, Children, isHosted } from './placement/index.js';
import { preflight, resolveExternalChannels } from './preflight/index.js';
import type { Shared } from './replicas.js';
import { Run, type Cast, type RunReports } from './run.js';
import { ServiceContainer } from './services.js';
import { endOnAbort, endOnSignals } from './signals.js';
import { superviseReplicas } from './supervisor/index.js';
import { Transports } from './transports.js';

/** What a start has before it has a generation. */
type Ground = Omit<Shared, 'generation' | 'board' | 'schemas'>;

/** The same options, with what a child is to be told of them. */
interface Request extends OrchestrateOptions {
  readonly services?: ResolvedServices;
  /** Parameters as given to `add`, by operator. */
  readonly parameters: ReadonlyMap<string, unknown>;
  /** All locations that the pipeline names. */
  readonly locations: readonly string[];
}

/**
 * Starts a pipeline: plans it, connects, looks at what is there, begins a new generation and runs the replicas, in this process or
 * where they are placed. Resolves when the run is about to begin; never in a thread or process that a run started itself and
 * that loads this program for its operators.
 * @throws PlanError with all problems of the plan, or of the preflight, at once
 * @throws MillraceError `MILLRACE_FENCED` where another start of the pipeline came in between; `MILLRACE_DATA_UNREAD` where mode
 * `ResourceDeletionOnly` would delete records that nobody has read
 */
export async function orchestrate(pipeline: Pipeline, given: OrchestrateOptions): Promise<Run> {
  if (isHosted()) return await new Promise(() => {});
  const { clock = systemClock, mode = 'Standard', logger = stderrLogger(), runId = randomUUID() } = given;
  const options = requestOf(pipeline, given);
  const backends = await resolveBackends(options.backends, options.locations);
  const plan = pipeline.plan({ location: options.location, backends, schemes: registeredSchemes(), defaults: options.defaults, only: options.only, runId: options.runId });
  const connect = connectOptions(plan, backends, options);
  refuse(plan, [...plan.problems, ...connect.problems, ...(await checkChildren({ plan, backends, given: options.backends, services: options.services, connect: connect.options }))]);
  const services = await ServiceContainer.load(options.services);
  const transports = await Transports.open(mode === 'Skip' ? [] : locationsOf(plan), backends, connect.options);
  try {
    const ground: Ground = { plan, runId, mode, transports, services, clock, logger };
    const run = mode === 'Skip' ? skip(ground) : await start(ground, { ...options, connect: connect.options });
    if (options.handleSignals !== false) endOnSignals(run);
    if (options.signal !== undefined) endOnAbort(run, options.signal);
    return run;
  } catch (error) {
    await transports.close();
    throw error;
  }
}

function requestOf(pipeline: Pipeline, { services, ...options }: OrchestrateOptions): Request {
  const { names, nodes, bindings } = pipeline.definition();
  return {
    ...options,
    ...(services === undefined ? {} : { services: typeof services === 'string' ? fileUrl(services) : services }),
    parameters: new Map(nodes.map((node) => [names.get(node) ?? '', node.parameters])),
    // Plain JavaScript may give anything, which the plan then says.
    locations: [options.location, ...bindings.map(({ location }) => location)].filter((location) => typeof location === 'string'),
  };
}

function fileUrl(path: string): URL {
  return path.startsWith('file:') ? new URL(path) : pathToFileURL(resolve(path));
}

function locationsOf({ location, channels }: Plan): readonly string[] {
  return [location, ...channels.map((channel) => channel.location)];
}

function refuse({ pipeline }: Plan, problems: readonly Problem[]): void {
  if (problems.some(({ severity }) => severity === 'error')) throw new PlanError(pipeline, problems);
}

function skip(ground: Ground): Run {
  const shared: Shared = { ...ground, generation: 0, board: undefined, schemas: undefined };
  return new Run({ ...shared, grace: 0, createReplicas: (events) => ({ replicas: superviseReplicas(shared, undefined, events), children: () => [] }), onEnd: async () => {} });
}

async function start(given: Ground, options: Request): Promise<Run> {
  const { transports, services, clock, logger, runId, mode } = given;
  const home = transports.get(given.plan.location);
  const generations = new Generations({ transport: home, plan: given.plan, channels: mode === 'ResourceDeletionOnly' ? [] : ownChannels(given.plan), runId, isShared: options.runId !== undefined, clock });
  if (options.fresh === true) await generations.reset(ownChannels(given.plan).map(({ name }) => name));
  const findings = await preflight(given.plan, { transports: transports.all, whyNot: (operator) => services.whyNot(operator) });
  refuse(given.plan, findings);
  for (const { where, code, what, remedy } of [...given.plan.problems, ...findings]) logger.warn({ where, code }, `${what}; ${remedy}`);
  const planned = await resolveExternalChannels(given.plan, transports.all);
  // Before anybody is fenced for it.
  if (mode === 'ResourceDeletionOnly') await refuseUnread(planned, home);
  const generation = await generations.begin();
  const { plan, unfinished } = options.runId !== undefined && generation.phase === 'running' ? await adoptReplicas(planned, home.control(planned.pipeline)) : { plan: planned, unfinished: [] };
  return await open({ ...given, plan }, options, generations, generation, unfinished);
}

/** Opens what the replicas share; the run closes it after the last of them. */
async function open(ground: Ground, options: Request, generations: Generations, generation: GenerationState, unfinished: readonly UnfinishedRescale[]): Promise<Run> {
  const { plan, runId, mode, transports, clock, logger } = ground;
  const { grace = 20_000, heartbeat, parameters, services, connect = {} } = options;
  const control = transports.get(plan.location).control(plan.pipeline);
  const board = await StatusBoard.open(control, {
    generation: generation.number, process: randomUUID(), clock,
    ...(heartbeat === undefined ? {} : { heartbeat }),
    onFailure: (error) => logger.warn({ pipeline: plan.pipeline, error }, 'a heartbeat could not be written'),
  });
  try {
    const schemas = await SchemaCatalog.open(control);
    const shared: Shared = { ...ground, generation: generation.number, board, schemas };
    for (const { operator, before } of unfinished) await handOver(handOverGround(ground, board, control, operator), operator, before);
    // A start that comes when its run is over has nothing to do.
    const isOver = generation.phase === 'completed';
    let children: Children | undefined;
    const createReplicas = (events: RunReports): Cast => {
      const own = (children = new Children({
        plan, parameters, runId, mode, grace, connect, heartbeat, clock, logger,
        generation: generation.number,
        backends: backendModules(options.backends, options.locations),
        services: services instanceof URL ? services.href : undefined,
        output: (...line) => events.output(...line),
      }));
      return { replicas: isOver ? [] : superviseReplicas(shared, { children: own, control }, events), children: () => own.all };
    };
    return new Run({ ...shared, grace, createReplicas, onEnd: (done, now) => close({ ...shared, plan: now }, children!, generations, done && !isOver ? generation : undefined) });
  } catch (error) {
    await board.close();
    throw error;
  }
}

/** After the last replica: closes, and deletes what a generation that is done had. Runs every clean-up, and then throws the first error. */
async function close({ plan, mode, transports, board, schemas }: Shared, children: Children, generations: Generations, done: GenerationState | undefined): Promise<void> {
  const steps: (() => Promise<unknown>)[] = [() => children.close(), async () => board?.close(), async () => schemas?.close(), async () => {
    if (done === undefined || board === undefined) return;
    const channels = await deletable(plan, mode, board, transports.get(plan.location));
    if (channels !== undefined) await generations.complete(done, channels);
  }, () => transports.close()];
  const errors: unknown[] = [];
  for (const step of steps) await step().catch((error: unknown) => errors.push(error));
  if (errors.length > 0) throw toError(errors[0], 'closing the run');
}
