import { randomUUID } from 'node:crypto';
import { rescaledOperator, SchemaCatalog, StatusBoard, systemClock, toError, type OperatorPlan, type Replica, type ReplicaEvents } from '@millrace/core';
import { loadBackendModules } from '../backends.js';
import { createReplica, type ReplicaGround } from '../replicas.js';
import { ServiceContainer } from '../services.js';
import { Transports } from '../transports.js';
import { operatorFromWire } from './operator-wire.js';
import type { ParentLink } from './parent-link.js';
import type { Assignment, FromChild, ToChild, WireCounters } from './protocol.js';
import { fromWire, toWire } from './wire-error.js';
import { wireLogger } from './wire-logger.js';

/** What all replicas of this child share. */
interface Ground {
  readonly shared: ReplicaGround & { readonly board: StatusBoard; readonly schemas: SchemaCatalog };
  readonly operators: ReadonlyMap<string, OperatorPlan>;
}

/** By how much the end by force comes after the one by itself. */
const WATCHDOG_MS = 2_000;

/** Runs replicas for a parent, and tells it all that happens to them. */
export class ChildHost {
  readonly #link: ParentLink;
  readonly #replicas = new Map<string, Replica>();
  #grace = 0;
  #ground: Ground | undefined;
  #beat: NodeJS.Timeout | undefined;
  #isLost = false;

  constructor(link: ParentLink) {
    this.#link = link;
    link.listen((message) => this.#receive(message), () => void this.#lost());
  }

  #receive(message: ToChild): void {
    switch (message.type) {
      case 'start': return void this.#start(message.assignment).catch((error: unknown) => this.#fatal(error));
      case 'run': return void this.#run(message).catch((error: unknown) => this.#fatal(error));
      case 'interrupt': return this.#replicas.get(message.replica)?.interrupt(message.kind, message.signal);
      case 'abandon': return this.#replicas.get(message.replica)?.abandon(fromWire(message.error));
      case 'look': return void this.#look(message.replica, message.id).catch((error: unknown) => this.#fatal(error));
      case 'end': return void this.#end(0);
    }
  }

  async #start({ pipeline, runId, generation, mode, location, locations, connect, backends, services, heartbeat, operators, beat, grace }: Assignment): Promise<void> {
    this.#grace = grace;
    // After the one that is heard of in time.
    this.#link.watch(grace + WATCHDOG_MS);
    const logger = wireLogger((message) => this.#link.post(message));
    // In a bundle the operators' module is the program itself, which registers what else it is made of.
    const plans: OperatorPlan[] = [];
    for (const wire of operators) plans.push(await operatorFromWire(wire));
    const all = [location, ...locations];
    const container = await ServiceContainer.load(services === undefined ? undefined : new URL(services));
    const transports = await Transports.open(all, await loadBackendModules(backends, all), connect);
    const control = transports.get(location).control(pipeline);
    const board = await StatusBoard.open(control, {
      generation, process: randomUUID(), clock: systemClock,
      ...(heartbeat === undefined ? {} : { heartbeat }),
      onFailure: (error) => logger.warn({ pipeline, error }, 'a heartbeat could not be written'),
    });
    const schemas = await SchemaCatalog.open(control);
    this.#ground = {
      shared: { plan: { pipeline, location }, runId, generation, mode, transports, services: container, board, schemas, clock: systemClock, logger },
      operators: new Map(plans.map((plan) => [plan.name, plan])),
    };
    if (this.#isLost) return await this.#end(1);
    this.#beat = setInterval(() => this.#giveSign(), beat);
    this.#link.post({ type: 'ready' });
  }

  async #run({ replica: name, operator, index, replicas, poisons }: Extract<ToChild, { readonly type: 'run' }>): Promise<void> {
    const { shared, operators } = this.#ground!;
    const post = (message: FromChild): void => this.#link.post(message);
    const events: ReplicaEvents = {
      stage: (replica, stage, from) => post({ type: 'stage', replica, stage, from }),
      error: (replica, error, source, fatal) => post({ type: 'error', replica, error: toWire(error), source, fatal }),
      degraded: (replica, port, writers) => post({ type: 'degraded', replica, port, writers }),
    };
    const replica = createReplica(shared, rescaledOperator(operators.get(operator)!, replicas), index, events, poisons && { poisons, hand: (record) => post({ type: 'hand', replica: name, record }) });
    this.#replicas.set(name, replica);
    if (this.#isLost) replica.interrupt('stop', 'disconnect');
    const outcome = await replica.run();
    this.#replicas.delete(name);
    post({ type: 'ended', replica: name, outcome: { ...outcome, error: outcome.error && toWire(outcome.error) }, counters: countersOf(replica) });
    if (this.#isLost && this.#replicas.size === 0) await this.#end(1);
  }

  async #look(name: string, id: number): Promise<void> {
    const replica = this.#replicas.get(name);
    const lags = replica === undefined ? [] : [...(await replica.lag())];
    // One that has ended said so, with its counters.
    if (replica !== undefined && this.#replicas.has(name)) this.#link.post({ type: 'looked', replica: name, id, lags, counters: countersOf(replica) });
  }

  #giveSign(): void {
    const busy = [...this.#replicas].flatMap(([replica, { busy: hook }]) => (hook === undefined ? [] : [{ replica, ...hook }]));
    this.#link.post({ type: 'beat', now: systemClock.now(), busy });
  }

  /** The parent is gone: what `run.stop({ mode: 'now' })` would do, within the grace that it would have. */
  async #lost(): Promise<void> {
    this.#isLost = true;
    setTimeout(() => process.exit(1), this.#grace).unref();
    for (const replica of this.#replicas.values()) replica.interrupt('stop', 'disconnect');
    if (this.#replicas.size === 0) await this.#end(1);
  }

  async #end(code: number): Promise<void> {
    clearInterval(this.#beat);
    const { board, schemas, transports } = this.#ground?.shared ?? {};
    for (const close of [async () => board?.close(), async () => schemas?.close(), async () => transports?.close()]) {
      await close().catch((error: unknown) => this.#ground?.shared.logger.warn({ error: toError(error) }, 'closing failed'));
    }
    await this.#link.leave(code);
  }

  #fatal(error: unknown): void {
    this.#link.post({ type: 'fatal', error: toWire(toError(error, 'the child')) });
    void this.#end(1);
  }
}

function countersOf({ counters, portCounters }: Replica): WireCounters {
  return { counters, ports: [...portCounters] };
}
