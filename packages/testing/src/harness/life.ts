import { Replica, type Clock, type Logger, type Operator, type ReplicaOutcome, type Timer } from '@millrace/core';
import type { Bench } from './bench.js';
import { HandDriver } from './hand-driver.js';
import { PIPELINE } from './plan.js';
import type { Services } from './services.js';
import type { HarnessError } from './types.js';
import { WatchedTransport } from './watched-transport.js';

export interface LifeParts {
  readonly bench: Bench;
  readonly index: number;
  readonly services: Services;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onError: (error: HarnessError) => void;
}

/** One life of the replica under test, from its start to its end or until it is killed. */
export class Life {
  readonly driver = new HandDriver();
  readonly replica: Replica;
  outcome: ReplicaOutcome | undefined;
  #operator: Operator | undefined;
  readonly #transport: WatchedTransport;
  readonly #clock: MortalClock;

  constructor({ bench, index, services, clock, logger, onError }: LifeParts) {
    const { operator, plan, board, name } = bench;
    this.#transport = new WatchedTransport(bench.transport, bench);
    this.#clock = new MortalClock(clock);
    this.replica = new Replica({
      pipeline: PIPELINE, operator, index, logger, board,
      runId: PIPELINE,
      generation: 1,
      mode: 'Standard',
      homeLocation: plan.location,
      transport: () => this.#transport,
      schemas: undefined,
      clock: this.#clock,
      freeze: true,
      createOperator: async () => (this.#operator = await services.make(operator.type, name)),
      createPlugin: (plugin) => services.make(operator.plugins.find((each) => each.name === plugin)!.type, `${name}.${plugin}`),
      events: {
        stage() {},
        degraded() {},
        error: (_replica, error, source, fatal) => {
          if (!this.isOver) onError({ error, source, fatal });
        },
      },
      driver: this.driver,
    });
    this.driver.isBusy = () => this.replica.busy !== undefined;
    void this.replica.run().then((outcome) => {
      this.outcome = outcome;
      this.driver.end();
    });
  }

  /** The instance, once it was made; after a failed step that is tried again another one. */
  get operator(): Operator | undefined {
    return this.#operator;
  }

  /** It has ended, or was killed. */
  get isOver(): boolean {
    return this.driver.isOver;
  }

  /** Wakes the replica as new records would. */
  wake(): void {
    this.#transport.wake();
  }

  /** Ends it as the end of its process would: no hook is called, nothing it does from now on has an effect. */
  kill(): void {
    this.#transport.isDead = true;
    this.#clock.die();
    this.driver.end();
  }
}

/** A clock whose timers can all be cancelled at once. */
class MortalClock implements Clock {
  readonly #timers = new Set<Timer>();

  constructor(private readonly clock: Clock) {}

  now(): number {
    return this.clock.now();
  }

  wall(): number {
    return this.clock.wall();
  }

  after(ms: number, fire: () => void): Timer {
    const timer = this.clock.after(ms, () => {
      this.#timers.delete(timer);
      fire();
    });
    this.#timers.add(timer);
    return { cancel: () => void (this.#timers.delete(timer), timer.cancel()) };
  }

  die(): void {
    for (const timer of this.#timers) timer.cancel();
  }
}
