import { NO_VALUE } from '@millrace/core';
import type { KafkaClient } from '../client/index.js';
import type { Fetcher } from '../fetch/fetcher.js';
import type { Subscription } from '../fetch/subscription.js';
import { askOffsets } from '../offsets.js';
import { ownerOf, statusTopic, type Sender, type Side } from './names.js';
import { decodeStatus, STATUS_KEY, type StatusMessage } from './status-message.js';

/** Header of the statuses that a process of ours wrote: what they say its own control says better. */
export const OURS = 'millrace';

/** A channel end, as its statuses show it. */
export interface Peer {
  readonly sender: Sender;
  /** The replica, as the plan names it; `undefined` where that is no name of pypz. */
  readonly owner: string | undefined;
  /** Last state; `undefined` while only heartbeats came. */
  state: 'Opened' | 'Started' | 'Stopped' | 'Closed' | 'Error' | undefined;
  /** Grows with each `Opened` after the first message. */
  lives: number;
  /** Spoken for by a process of ours. */
  isOurs: boolean;
  /** It spoke since the log was opened. */
  isPresent: boolean;
  /** When it spoke last, on the clock of the log. */
  heardAt: number;
  /** Timestamp of the last change of state that counted, on the sender's clock. */
  changedAt: number;
}

/** Stopped or Closed: pypz takes either for the end. */
export function hasEnded({ state }: Peer): boolean {
  return state === 'Stopped' || state === 'Closed';
}

export interface StatusLogOptions {
  readonly client: KafkaClient;
  readonly fetcher: Fetcher;
  /** Ms for which the topic may be out of reach. */
  readonly patience: number;
  /** Monotonic, in ms. */
  readonly now: () => number;
  /** Told of each message that counted. */
  readonly see: (log: StatusLog, peer: Peer, message: StatusMessage) => void;
}

/**
 * The statuses of one side of a channel from the first one on, as pypz takes them: the last of Opened, Started, Stopped, Closed and
 * Error is the state; one older than the last that counted is stale; after an Error only Opened or Started count.
 */
export class StatusLog {
  /** By context. */
  readonly peers = new Map<string, Peer>();
  readonly #subscription: Subscription;
  readonly #caughtUp: { resolve: () => void; promise: Promise<void> };

  private constructor(
    readonly channel: string,
    readonly side: Side,
    from: number,
    /** Where the log ended when it was opened: what lies before was said before. */
    private readonly history: number,
    private readonly options: StatusLogOptions,
  ) {
    let resolve = (): void => undefined;
    const promise = new Promise<void>((done) => (resolve = done));
    this.#caughtUp = { resolve, promise };
    this.#subscription = options.fetcher.subscribe(statusTopic(channel, side), 0, from, { framing: 'none', reset: 'earliest', patience: options.patience, wake: () => this.#drain() });
  }

  /** Resolves once all that was said before is known. */
  static async open(channel: string, side: Side, options: StatusLogOptions): Promise<StatusLog> {
    const topic = statusTopic(channel, side);
    const [from, to] = await Promise.all(([['earliest'], ['latest']] as const).map(async ([at]) => (await askOffsets(options.client, topic, [0], at, 'read_committed')).get(0) ?? 0));
    const log = new StatusLog(channel, side, from ?? 0, to ?? 0, options);
    log.#drain();
    await log.#caughtUp.promise;
    return log;
  }

  /** Set once the topic cannot be read any more: it went, or its broker. */
  get failure(): Error | undefined {
    return this.#subscription.failure;
  }

  /** The end that a replica of the plan has, where it spoke. */
  ofOwner(owner: string): Peer | undefined {
    for (const peer of this.peers.values()) if (peer.owner === owner) return peer;
    return undefined;
  }

  close(): void {
    this.options.fetcher.unsubscribe(this.#subscription);
    this.#caughtUp.resolve();
  }

  #drain(): void {
    for (let batch = this.#subscription.take(); batch !== undefined; batch = this.#subscription.take()) {
      const { bounds, bytes, count } = batch;
      for (let i = 0; i < count; i++) {
        const start = bounds[2 * i] ?? NO_VALUE;
        const key = batch.key(i);
        if (start === NO_VALUE || key === undefined || !Buffer.from(key).includes(STATUS_KEY)) continue;
        const message = decodeStatus(bytes.subarray(start, bounds[2 * i + 1]));
        if (message !== undefined) this.#take(message, batch.headers(i)?.some(([name]) => name === OURS) === true, batch.offset(i) >= this.history);
      }
    }
    if (this.#subscription.position >= this.history || this.failure !== undefined) this.#caughtUp.resolve();
  }

  #take(message: StatusMessage, isOurs: boolean, isNew: boolean): void {
    const { sender, status } = message;
    const heardAt = this.options.now();
    const timestamp = message.timestamp ?? Date.now();
    let peer = this.peers.get(sender.context);
    const isFirst = peer === undefined;
    if (peer === undefined) {
      peer = { sender, owner: ownerOf(sender), state: undefined, lives: 1, isOurs, isPresent: false, heardAt, changedAt: -Infinity };
      this.peers.set(sender.context, peer);
    }
    peer.heardAt = heardAt;
    peer.isPresent ||= isNew;
    switch (status) {
      case 'HealthCheck':
        if (peer.state === undefined) peer.changedAt = Math.max(peer.changedAt, timestamp);
        break;
      case 'Opened':
      case 'Started':
      case 'Stopped':
      case 'Closed':
      case 'Error':
        if (timestamp < peer.changedAt || (peer.state === 'Error' && status !== 'Opened' && status !== 'Started')) return;
        if (status === 'Opened' && !isFirst) peer.lives++;
        peer.state = status;
        peer.isOurs = isOurs;
        peer.changedAt = timestamp;
        break;
      default:
        return;
    }
    this.options.see(this, peer, message);
  }
}
