import { decodeFact, encodeFact, FactKey, type Control, type Follower, type StatusFact } from '@millrace/core';
import { portOf } from './names.js';
import type { StatusExchange } from './status-exchange.js';
import { hasEnded, type Peer, type StatusLog } from './status-log.js';
import type { PypzStatus } from './status-message.js';

/**
 * What the runtime says of a channel end, in pypz's words. A replica that was stopped says nothing, since its next start goes on:
 * pypz waits for it as long as for one that went silent.
 */
const TOLD: Readonly<Record<StatusFact['status'], readonly PypzStatus[]>> = {
  Opened: ['Opened'],
  Started: ['Started', 'HealthCheck'],
  Stopped: [],
  Closed: ['HealthCheck', 'Stopped', 'Closed'],
  Error: ['Error'],
};

/**
 * The facts of a pipeline whose channels are shared with pypz. They stand in Millrace's own control topic; what is put of channel
 * ends and signs of life is told to pypz too, and what pypz tells of its ends is seen by followers as if it had been put.
 */
export class PypzControl implements Control {
  constructor(
    private readonly control: Control,
    private readonly exchange: StatusExchange,
  ) {}

  async put(key: string, value: Uint8Array): Promise<void> {
    await this.control.put(key, value);
    if (key.startsWith('beat/')) await this.exchange.beat();
    else if (key.startsWith('status/')) await this.#tell(decodeFact<StatusFact>(value));
  }

  async remove(key: string): Promise<void> {
    await this.control.remove(key);
  }

  async follow(prefix: string, see: (key: string, value: Uint8Array | undefined) => void): Promise<Follower> {
    const follower = await this.control.follow(prefix, see);
    const generation = Number(/^(?:status|beat)\/(\d+)\//.exec(prefix)?.[1] ?? NaN);
    if (Number.isNaN(generation)) return follower;
    const stop = this.exchange.listen((log, peer) => {
      for (const [key, fact] of factsOf(generation, log, peer)) if (key.startsWith(prefix)) see(key, encodeFact(fact));
    });
    return {
      async close() {
        stop();
        await follower.close();
      },
    };
  }

  async #tell(fact: StatusFact | undefined): Promise<void> {
    if (fact === undefined) return;
    const { channel, owner, side, status, reason } = fact;
    const ends = this.exchange.endsOf(owner, channel, side);
    if (status !== 'Opened' && status !== 'Started') for (const end of ends) this.exchange.leave(end);
    await Promise.all(ends.map((end) => this.exchange.tell(end, ...TOLD[status])));
    // Nobody else of this pipeline would know when all is done.
    if (side === 'writer' && status === 'Closed' && reason === 'done') await this.exchange.readersEnded(channel);
  }
}

/** What a foreign end says, as facts of a generation. */
function* factsOf(generation: number, { channel, side }: StatusLog, peer: Peer): Generator<readonly [key: string, fact: object]> {
  const { owner, sender, lives: incarnation } = peer;
  if (owner === undefined) return;
  const process = `pypz:${sender.context}`;
  const ended = hasEnded(peer);
  // That a reader ended before this process came says that an earlier run of it did.
  if (side === 'reader' && ended && !peer.isPresent) return;
  const status: StatusFact = { channel, owner, side, port: portOf(sender.context), incarnation, process, status: ended ? 'Closed' : (peer.state ?? 'Started'), ...(ended ? { reason: 'done' } : {}) };
  yield [FactKey.status(generation, channel, owner, incarnation, side), status];
  yield [FactKey.beat(generation, process), {}];
}
