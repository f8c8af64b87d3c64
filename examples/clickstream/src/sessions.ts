import { inject, input, InputPort, operator, Operator, output, OutputPort, state, type Clock, type EndReason, type ParametersOf, type PartitionState } from 'millrace';
import { z } from 'zod';
import { Click, session, Session } from './records.js';
import { CLOCK } from './tokens.js';

interface Visits {
  /** Time of the latest click, epoch ms. */
  latest: number;
  /** The session of each user that is there. */
  open: Record<string, Session>;
}

@operator(import.meta, { description: 'Puts the clicks of each user together into sessions.' })
export class Sessions extends Operator {
  static override readonly parameters = z.object({
    gap: z.int().positive().default(1_000).describe('ms without a click that end a session'),
    lateness: z.int().nonnegative().default(500).describe('ms that a click may be on its way'),
  });
  declare readonly parameters: ParametersOf<typeof Sessions>;
  @input(Click) declare readonly clicks: InputPort<Click>;
  @output(Session) declare readonly sessions: OutputPort<Session>;
  @state(z.object({ latest: z.int().default(0), open: z.record(z.string(), session).default({}) }), { per: 'partition' })
  declare readonly visits: PartitionState<Visits>;
  /** When a click of each partition was last read, by the monotonic clock. */
  readonly #readAt = new Map<number, number>();

  constructor(@inject(CLOCK) private readonly clock: Clock) {
    super();
  }

  override onInit() {
    for (const partition of this.clicks.partitions) this.#readAt.set(partition, this.clock.now());
  }

  override async onRunning() {
    const ended: Session[] = [];
    for (const { value: { user, page, at }, partition } of this.clicks.retrieveEntries()) {
      const visits = this.visits.get(partition);
      const current = visits.open[user];
      if (current !== undefined && at - current.to <= this.parameters.gap) {
        current.to = at;
        current.pages.push(page);
      } else {
        if (current !== undefined) ended.push(current);
        visits.open[user] = { user, from: at, to: at, pages: [page] };
      }
      visits.latest = Math.max(visits.latest, at);
      this.#readAt.set(partition, this.clock.now());
    }
    await this.#send(ended);
  }

  /**
   * Nobody clicks to say that a session is over. The time of a partition is that of its latest click, and what has passed since
   * that was read: so clicks that waited while nobody read them make the same sessions as those that are read at once.
   */
  override async onTick() {
    const { gap, lateness } = this.parameters;
    for (const partition of this.visits.partitions) {
      const now = this.visits.get(partition).latest + this.clock.now() - this.#readAt.get(partition)!;
      await this.#end(partition, ({ to }) => now - to > gap + lateness);
    }
  }

  /** No click will come any more; after a drain or a stop the next start goes on with the sessions that are open. */
  override async onShutdown(reason: EndReason) {
    if (reason === 'done') for (const partition of this.visits.partitions) await this.#end(partition, () => true);
  }

  async #end(partition: number, isOver: (session: Session) => boolean): Promise<void> {
    const { open } = this.visits.get(partition);
    const ended = Object.values(open).filter(isOver);
    for (const { user } of ended) delete open[user];
    await this.#send(ended);
  }

  async #send(ended: readonly Session[]): Promise<void> {
    await this.sessions.send(ended, { key: ({ user }) => user });
  }
}
