import { inject, operator, Operator, output, OutputPort, state, type Clock, type ParametersOf } from 'millrace';
import { z } from 'zod';
import { Click } from './records.js';
import { script } from './script.js';
import { CLOCK } from './tokens.js';

@operator(import.meta, { description: 'A site with some users: sends their clicks when they happen.' })
export class Site extends Operator {
  static override readonly parameters = z.object({ users: z.int().positive().default(6), seconds: z.int().positive().default(10) });
  declare readonly parameters: ParametersOf<typeof Site>;
  @output(Click) declare readonly clicks: OutputPort<Click>;
  @state(z.object({ start: z.int().nullable().default(null), sent: z.int().default(0) })) declare progress: { start: number | null; sent: number };

  constructor(@inject(CLOCK) private readonly clock: Clock) {
    super();
  }

  /** The site opens when it is started for the first time. */
  override onInit() {
    this.progress.start ??= this.clock.wall();
  }

  override async onRunning() {
    const { users, seconds } = this.parameters;
    const start = this.progress.start!;
    const planned = script(users, seconds);
    const due = planned.slice(this.progress.sent).filter(({ after }) => start + after <= this.clock.wall());
    // A user's clicks go to one partition, in their order.
    await this.clicks.send(due.map(({ user, page, after }) => ({ user, page, at: start + after })), { key: ({ user }) => user });
    this.progress.sent += due.length;
    return this.progress.sent === planned.length;
  }
}
