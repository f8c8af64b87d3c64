import { randomUUID } from 'node:crypto';
import { PlanError, Replica, replicaName, SchemaCatalog, StatusBoard, stderrLogger, systemClock, toError, type Clock, type Logger, type Pipeline, type Plan, type ReplicaEnvironment, type ReplicaEvents } from '@millrace/core';
import { resolveBackends } from './backends.js';
import { deletable, isPlanDone } from './completion.js';
import { Generations, ownChannels, type GenerationState } from './generation.js';
import type { OrchestrateOptions } from './options.js';
import { preflight } from './preflight/index.js';
import { Run } from './run.js';
import { make, ServiceContainer } from './services.js';
import { endOnAbort, endOnSignals } from './signals.js';
import { Transports } from './transports.js';

/**
 * Starts a pipeline: plans it, connects, looks at what is there, begins a new generation and runs the replicas in this process.
 * @throws PlanError with all problems of the plan, or of the preflight, at once
 * @throws MillraceError `MILLRACE_FENCED` where another start of the pipeline came in between
 */
export async function orchestrate(pipeline: Pipeline, options: OrchestrateOptions): Promise<Run> {
  const backends = await resolveBackends(options.backends);
  const plan = pipeline.plan({ location: options.location, backends, defaults: options.defaults, only: options.only, runId: options.runId });
  refuse(plan, plan.problems);
  const services = await ServiceContainer.load(options.services);
  const transports = await Transports.open(plan, backends, options.connect);
  try {
    return await start(plan, options, services, transports);
  } catch (error) {
    await transports.close();
    throw error;
  }
}

function refuse(plan: Plan, problems: Plan['problems']): void {
  if (problems.some(({ severity }) => severity === 'error')) throw new PlanError(plan.pipeline, problems);
}

async function start(plan: Plan, options: OrchestrateOptions, services: ServiceContainer, transports: Transports): Promise<Run> {
  const { clock = systemClock, mode = 'Standard', logger = stderrLogger() } = options;
  const home = transports.get(plan.location);
  const generations = new Generations(home, plan);
  const channels = ownChannels(plan);
  if (options.fresh === true) await generations.reset(channels.map(({ name }) => name));
  refuse(plan, await preflight(plan, { transports: transports.all, whyNot: (operator) => services.whyNot(operator) }));
  for (const problem of plan.problems) logger.warn({ where: problem.where, code: problem.code }, `${problem.what}; ${problem.remedy}`);

  const runId = options.runId ?? randomUUID();
  const generation = await generations.begin(runId, options.runId !== undefined);
  if (mode !== 'ResourceDeletionOnly' && generation.phase === 'running') await home.createResources(channels);
  const life = await Life.begin({ plan, options, services, transports, generations, generation, runId, clock, logger });
  return life.run;
}

interface LifeParts {
  readonly plan: Plan;
  readonly options: OrchestrateOptions;
  readonly services: ServiceContainer;
  readonly transports: Transports;
  readonly generations: Generations;
  readonly generation: GenerationState;
  readonly runId: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The parts of a run that are opened before and closed after its replicas. */
class Life {
  readonly run: Run;
  readonly #parts: LifeParts;
  readonly #board: StatusBoard;
  readonly #schemas: SchemaCatalog;

  private constructor(parts: LifeParts, board: StatusBoard, schemas: SchemaCatalog) {
    const { plan, options, generation, runId, clock } = parts;
    this.#parts = parts;
    this.#board = board;
    this.#schemas = schemas;
    // A start that comes when its run is over has nothing to do.
    const replicas = generation.phase === 'completed' ? [] : this.#replicas();
    const total = plan.operators.reduce((sum, operator) => sum + operator.replicas, 0);
    this.run = new Run({ plan, runId, generation: generation.number, replicas, clock, grace: options.grace ?? 20_000, canDrain: replicas.length === total, onEnd: (done) => this.#end(done) });
    if (options.handleSignals !== false) endOnSignals(this.run);
    if (options.signal !== undefined) endOnAbort(this.run, options.signal);
  }

  static async begin(parts: LifeParts): Promise<Life> {
    const { plan, transports, generation, clock, logger, options } = parts;
    const control = transports.get(plan.location).control(plan.pipeline);
    const board = await StatusBoard.open(control, {
      generation: generation.number, process: randomUUID(), clock,
      ...(options.heartbeat === undefined ? {} : { heartbeat: options.heartbeat }),
      onFailure: (error) => logger.warn({ pipeline: plan.pipeline, error }, 'a heartbeat could not be written'),
    });
    return new Life(parts, board, await SchemaCatalog.open(control));
  }

  #replicas(): { operator: string; replica: Replica }[] {
    const { plan, options, services, transports, generation, runId, clock, logger } = this.#parts;
    const events: ReplicaEvents = {
      stage: (...args) => void this.run.emit('stage', ...args),
      degraded: (replica, port, writers) => {
        logger.warn({ replica, port, writers: writers.join(' ') }, writers.length > 0 ? 'writers give no sign of life' : 'all writers are back');
        this.run.emit('degraded', replica, port, writers);
      },
      error: (replica, error, source, fatal) => {
        logger[fatal ? 'error' : 'warn']({ replica, source, error }, fatal ? 'replica failed' : 'error');
        this.run.emit('error', replica, error, source, fatal);
        if (fatal) this.run.fail(error);
      },
    };
    return plan.operators.flatMap((operator) => Array.from({ length: operator.replicas }, (_, index) => index)
      .filter((index) => plan.selected(operator.name, index))
      .map((index) => {
        const name = replicaName(plan.pipeline, operator.name, index);
        const container = services.child();
        const env: ReplicaEnvironment = {
          pipeline: plan.pipeline, operator, index, runId, clock,
          generation: generation.number,
          mode: options.mode ?? 'Standard',
          homeLocation: plan.location,
          transport: (location) => transports.get(location),
          board: this.#board,
          schemas: this.#schemas,
          logger: logger.child({ replica: name }),
          freeze: false,
          createOperator: () => make(container, operator.type, name),
          createPlugin: (plugin) => make(container, operator.plugins.find((member) => member.name === plugin)!.type, `${name}.${plugin}`),
          events,
        };
        return { operator: operator.name, replica: new Replica(env) };
      }));
  }

  /** After the last replica: deletes what a run that is done had, and closes. Runs every clean-up before it throws. */
  async #end(done: boolean): Promise<void> {
    const { plan, options, transports, generations, generation } = this.#parts;
    const isAllDone = done && isPlanDone(plan, this.#board);
    const results = await Promise.allSettled([this.#board.close(), this.#schemas.close()]);
    try {
      if (isAllDone && generation.phase === 'running' && deletes(options.mode ?? 'Standard')) await generations.complete(generation, await deletable(plan, transports.get(plan.location)));
    } finally {
      await transports.close();
    }
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw toError(failed.reason, 'closing the run');
  }
}

function deletes(mode: NonNullable<OrchestrateOptions['mode']>): boolean {
  return mode === 'Standard' || mode === 'ResourceDeletionOnly';
}
