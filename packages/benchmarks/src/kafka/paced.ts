import { inject, input, InputPort, Operator, operator, output, OutputPort, type ParametersOf } from 'millrace';
import { z } from 'zod';
import { makeReadings, Reading } from '../flow/records.js';

/** Records become due in groups, this often, in ms. */
const EVERY = 1;
/** The first records find code that is not compiled yet. */
const NOT_COUNTED_MS = 3_000;

/** From when a record was due to be sent to when it was received, in ms; a service of the run. */
export class Delays {
  readonly counted: number[] = [];
  #startedAt = 0;

  constructor(readonly perSecond: number) {}

  start(): void {
    this.#startedAt = performance.now();
  }

  /** How many records are due by now. */
  get due(): number {
    return Math.floor((performance.now() - this.#startedAt) / EVERY) * EVERY * (this.perSecond / 1000);
  }

  /** Records came that follow on the `received` first ones. */
  receive(received: number, count: number): void {
    const now = performance.now() - this.#startedAt;
    for (let i = received; i < received + count; i++) {
      const dueAt = (Math.floor(i / (EVERY * (this.perSecond / 1000))) + 1) * EVERY;
      if (dueAt > NOT_COUNTED_MS) this.counted.push(now - dueAt);
    }
  }
}

/** Sends so many records, each when it is due. */
@operator(import.meta)
export class PacedSource extends Operator {
  static override readonly parameters = z.object({ records: z.int().positive() });
  declare readonly parameters: ParametersOf<typeof PacedSource>;
  @output(Reading) declare readonly readings: OutputPort<Reading>;
  #sent = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(@inject(Delays) private readonly delays: Delays) {
    super();
  }

  override onInit(): void {
    this.delays.start();
    this.#timer = setInterval(() => this.wake(), EVERY);
  }

  override onRunning(): boolean {
    const { records } = this.parameters;
    const due = Math.min(records, this.delays.due);
    if (due > this.#sent) void this.readings.send(makeReadings(this.#sent, due - this.#sent));
    this.#sent = due;
    return due === records;
  }

  override onShutdown(): void {
    clearInterval(this.#timer);
  }
}

/** Looks at the time when records come. */
@operator(import.meta)
export class PacedSink extends Operator {
  @input(Reading) declare readonly readings: InputPort<Reading>;
  #received = 0;

  constructor(@inject(Delays) private readonly delays: Delays) {
    super();
  }

  override onRunning(): void {
    const { length } = this.readings.retrieve();
    this.delays.receive(this.#received, length);
    this.#received += length;
  }
}
