import type { Clock, Timer } from '../clock/index.js';
import { decodeFact, encodeFact, FactKey } from './facts.js';
import type { Control, Follower } from './spi.js';

/** States of a channel end, as pypz names them. @internal */
export type ChannelStatus = 'Opened' | 'Started' | 'Stopped' | 'Closed' | 'Error';

/** In place of a channel, for a replica that has none of the pipeline's and yet has to tell that it is done. @internal */
export const NO_CHANNEL = '-';

/** What a channel end says of itself. @internal */
export interface StatusFact {
  readonly channel: string;
  /** Replica, as `pipeline.operator#0`. */
  readonly owner: string;
  readonly side: 'reader' | 'writer';
  readonly port: string;
  readonly incarnation: number;
  /** Whose heartbeats stand for it. */
  readonly process: string;
  readonly status: ChannelStatus;
  /** With `Closed`: done for good, drained because the run was asked to stop, or left to others by a rescale. */
  readonly reason?: 'done' | 'drained' | 'left';
  /** Of a reader: how many replicas share the channel. */
  readonly replicas?: number;
  /** With a writer's `Closed`: the offset after its last record, by partition. */
  readonly ends?: readonly (readonly [partition: number, offset: number])[];
}

/** How often a process gives a sign of life, and after what silence it counts as dead. Durations in ms. */
export interface HeartbeatOptions {
  /** Default 2,000. */
  readonly interval: number;
  /** Default 20,000. */
  readonly timeout: number;
}

/** @internal */
export const DEFAULT_HEARTBEAT: HeartbeatOptions = { interval: 2_000, timeout: 20_000 };

/** Where a replica stands: every end of it has closed for good, or was left to others by a rescale, or neither. */
export type Standing = 'done' | 'left' | 'open';

interface Peer {
  /** On this process's monotonic clock: clocks of two machines are never compared. */
  heardAt: number;
  alive: boolean;
}

/**
 * All channel ends of one generation of a pipeline, as this process has heard of them: one follower for all its replicas. Of an
 * owner's statuses on a channel the highest incarnation counts. Processes live by heartbeat, one each.
 * @internal
 */
export class StatusBoard {
  readonly #control: Control;
  readonly #clock: Clock;
  readonly #heartbeat: HeartbeatOptions;
  /** By side, channel and owner. */
  readonly #ends = { reader: new Map<string, Map<string, StatusFact>>(), writer: new Map<string, Map<string, StatusFact>>() };
  readonly #watchers = new Map<string, Set<(fact?: StatusFact) => void>>();
  readonly #deathWatchers = new Set<() => void>();
  readonly #peers = new Map<string, Peer>();
  readonly #followers: Follower[] = [];
  #beats = 0;
  #lookedAt = 0;
  #timer: Timer | undefined;
  #beating: Promise<void> = Promise.resolve();
  #failure: ((error: unknown) => void) | undefined;

  private constructor(
    control: Control,
    readonly generation: number,
    /** This process, unique for each start. */
    readonly process: string,
    clock: Clock,
    heartbeat: HeartbeatOptions,
  ) {
    this.#control = control;
    this.#clock = clock;
    this.#heartbeat = heartbeat;
  }

  /**
   * Follows the statuses and heartbeats of a generation, and begins to beat. Resolves once all that was said before is known.
   * @param options `onFailure` is called when a heartbeat cannot be written
   */
  static async open(control: Control, options: { generation: number; process: string; clock: Clock; heartbeat?: HeartbeatOptions; onFailure?: (error: unknown) => void }): Promise<StatusBoard> {
    const board = new StatusBoard(control, options.generation, options.process, options.clock, options.heartbeat ?? DEFAULT_HEARTBEAT);
    board.#failure = options.onFailure;
    const beats = FactKey.beats(options.generation);
    try {
      board.#followers.push(await control.follow(FactKey.statuses(options.generation), (_key, value) => value && board.#see(value)));
      board.#followers.push(await control.follow(beats, (key, value) => value && board.#hear(key.slice(beats.length))));
      await board.#beat();
    } catch (error) {
      await Promise.allSettled(board.#followers.map((follower) => follower.close()));
      throw error;
    }
    board.#lookedAt = options.clock.now();
    board.#schedule();
    return board;
  }

  /** Publishes the state of a channel end, and removes what earlier lives of its owner said. */
  async put(status: Omit<StatusFact, 'process'>): Promise<void> {
    const fact: StatusFact = { ...status, process: this.process };
    const { channel, owner, side, incarnation } = fact;
    const before = this.get(channel, owner, side)?.incarnation ?? incarnation;
    await this.#control.put(FactKey.status(this.generation, channel, owner, incarnation, side), encodeFact(fact));
    if (before < incarnation) await this.#control.remove(FactKey.status(this.generation, channel, owner, before, side));
  }

  /** Learns all that was published until now. What this process hears by itself may lag behind. */
  async catchUp(): Promise<void> {
    const follower = await this.#control.follow(FactKey.statuses(this.generation), (_key, value) => value && this.#see(value));
    await follower.close();
  }

  /** What an owner said last of its end of a channel. */
  get(channel: string, owner: string, side: 'reader' | 'writer'): StatusFact | undefined {
    return this.#ends[side].get(channel)?.get(owner);
  }

  /** Every owner that was heard of on that side of a channel, with what it said last. */
  endsOf(channel: string, side: 'reader' | 'writer'): Iterable<StatusFact> {
    return this.#ends[side].get(channel)?.values() ?? [];
  }

  /** Every replica that was heard of. */
  standings(): ReadonlyMap<string, Standing> {
    const standings = new Map<string, Standing>();
    for (const ends of [...this.#ends.reader.values(), ...this.#ends.writer.values()]) {
      for (const { owner, status, reason } of ends.values()) {
        const here = status === 'Closed' && (reason === 'done' || reason === 'left') ? reason : 'open';
        if (here === 'open' || standings.get(owner) !== 'open') standings.set(owner, here);
      }
    }
    return standings;
  }

  /** False once the owner's process was silent for too long. An owner never heard of counts as alive. */
  isAlive(status: StatusFact): boolean {
    return status.process === this.process || (this.#peers.get(status.process)?.alive ?? true);
  }

  /**
   * Calls `wake` whenever an end of that side of a channel opens, closes or fails, with what it says; and with nothing when some
   * process dies or comes back. Returns how to end that.
   */
  watch(channel: string, side: 'reader' | 'writer', wake: (fact?: StatusFact) => void): () => void {
    const key = `${side} ${channel}`;
    const watchers = this.#watchers.get(key) ?? new Set();
    this.#watchers.set(key, watchers.add(wake));
    return () => void watchers.delete(wake);
  }

  /** Calls `look` whenever an owner may have become dead or alive. Returns how to end that. */
  watchDeaths(look: () => void): () => void {
    this.#deathWatchers.add(look);
    return () => void this.#deathWatchers.delete(look);
  }

  /** Ends the heartbeat. Runs every clean-up, and then throws the first error. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    await this.#beating;
    const results = await Promise.allSettled([...this.#followers.map((follower) => follower.close()), this.#control.remove(FactKey.beat(this.generation, this.process))]);
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  #see(value: Uint8Array): void {
    const fact = decodeFact<StatusFact>(value);
    if (fact === undefined) return;
    const ends = this.#ends[fact.side].get(fact.channel) ?? new Map<string, StatusFact>();
    this.#ends[fact.side].set(fact.channel, ends);
    if ((ends.get(fact.owner)?.incarnation ?? 0) > fact.incarnation) return;
    ends.set(fact.owner, fact);
    if (fact.process !== this.process && !this.#peers.has(fact.process)) this.#peers.set(fact.process, { heardAt: this.#clock.now(), alive: true });
    // Started and Stopped change nothing for the other end, and with many replicas waking for them would cost.
    if (fact.status !== 'Started' && fact.status !== 'Stopped') for (const wake of this.#watchers.get(`${fact.side} ${fact.channel}`) ?? []) wake(fact);
    // It may be the end of a dead process, opened anew by another one.
    if (this.#hasDead) for (const look of this.#deathWatchers) look();
  }

  #hear(process: string): void {
    if (process === this.process) return;
    const known = this.#peers.get(process);
    this.#peers.set(process, { heardAt: this.#clock.now(), alive: true });
    if (known?.alive === false) this.#wakeAll();
  }

  #schedule(): void {
    this.#timer = this.#clock.after(this.#heartbeat.interval, () => {
      this.#beating = this.#beat().catch((error: unknown) => this.#failure?.(error));
      this.#bury();
      this.#schedule();
    });
  }

  async #beat(): Promise<void> {
    await this.#control.put(FactKey.beat(this.generation, this.process), encodeFact({ n: ++this.#beats }));
  }

  #bury(): void {
    const now = this.#clock.now();
    // Time in which this process itself stood still says nothing of the others: what they said waits to be heard.
    const stood = Math.max(0, now - this.#lookedAt - 2 * this.#heartbeat.interval);
    this.#lookedAt = now;
    let changed = false;
    for (const peer of this.#peers.values()) {
      peer.heardAt += stood;
      if (!peer.alive || now - peer.heardAt <= this.#heartbeat.timeout) continue;
      peer.alive = false;
      changed = true;
    }
    if (changed) this.#wakeAll();
  }

  get #hasDead(): boolean {
    for (const peer of this.#peers.values()) if (!peer.alive) return true;
    return false;
  }

  #wakeAll(): void {
    for (const watchers of this.#watchers.values()) for (const wake of watchers) wake();
    for (const look of this.#deathWatchers) look();
  }
}
