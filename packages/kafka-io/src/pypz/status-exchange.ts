import { MillraceError, type Logger } from '@millrace/core';
import type { KafkaClient } from '../client/index.js';
import { Fetcher } from '../fetch/fetcher.js';
import type { ByteBudget } from '../produce/budget.js';
import { plainIdentity } from '../produce/plain-identity.js';
import { Producer } from '../produce/producer.js';
import type { KafkaSettings } from '../settings.js';
import { recordsOf } from '../table/topic-table.js';
import { statusTopic, type Sender, type Side } from './names.js';
import { hasEnded, OURS, StatusLog, type Peer } from './status-log.js';
import { encodeStatus, STATUS_KEY, type PypzStatus } from './status-message.js';

/** An end of a channel that a session of this process has. */
export interface OwnEnd {
  readonly channel: string;
  readonly side: Side;
  /** `pipeline.operator#0` */
  readonly owner: string;
  readonly sender: Sender;
  /** Records read or written so far. */
  readonly records: () => number;
}

/** Somebody whom a session waits for. */
export interface Watch {
  readonly channel: string;
  readonly side: Side;
  /** As the plan names them. */
  readonly owners: readonly string[];
  /** Looked at again and again until it says so. */
  readonly isOver: () => boolean;
  readonly fail: (error: Error) => void;
}

/** Told of every message of a foreign end that counted. */
export type SeePeer = (log: StatusLog, peer: Peer) => void;

export interface ExchangeOptions {
  readonly client: KafkaClient;
  readonly settings: KafkaSettings;
  readonly budget: ByteBudget;
  readonly logger: Logger;
  /** Ms for which the cluster may be out of reach. */
  readonly patience: number;
}

const LOOK_MS = 1_000;

/** The statuses that this process tells and hears at a location, for all its sessions. */
export class StatusExchange {
  readonly #options: ExchangeOptions;
  readonly #fetcher: Fetcher;
  readonly #logs = new Map<string, Promise<StatusLog>>();
  readonly #open = new Map<string, StatusLog>();
  readonly #ends = new Map<string, OwnEnd>();
  readonly #watches = new Map<Watch, number>();
  readonly #listeners = new Set<SeePeer>();
  /** Last timestamp by context: pypz ignores one that falls. */
  readonly #told = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  readonly #waiting = new Set<() => void>();
  #producer: Promise<Producer> | undefined;
  #isClosed = false;
  /** Ms for which this process stood still: that says nothing of the others. */
  #stood = 0;
  #lookedAt = performance.now();

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#fetcher = new Fetcher(options.client, { ...options.settings.fetch, maxWait: options.settings.statusConsumerTimeoutInMs, isolation: 'read_committed', lane: 'status' });
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
  }

  /** Monotonic, without the time for which the process stood still. */
  now(): number {
    return performance.now() - this.#stood;
  }

  /** The statuses of one side of a channel; resolves once all that was said before is known. */
  log(channel: string, side: Side): Promise<StatusLog> {
    const key = statusTopic(channel, side);
    // Its topic went, or was made anew.
    if (this.#open.get(key)?.failure !== undefined) this.#drop(key);
    let log = this.#logs.get(key);
    if (log === undefined) {
      const { client, patience } = this.#options;
      log = StatusLog.open(channel, side, { client, fetcher: this.#fetcher, patience, now: () => this.now(), see: (from, peer) => this.#see(from, peer) });
      log.then((opened) => this.#open.set(key, opened), () => this.#logs.delete(key));
      this.#logs.set(key, log);
    }
    return log;
  }

  /** Forgets the statuses of a channel whose topics go. */
  async forget(channel: string): Promise<void> {
    for (const side of ['reader', 'writer'] as const) {
      const key = statusTopic(channel, side);
      const log = this.#logs.get(key);
      this.#drop(key);
      (await log?.catch(() => undefined))?.close();
    }
  }

  /** Calls `see` with every foreign end as it is known, and with each later change. */
  listen(see: SeePeer): () => void {
    for (const log of this.#open.values()) for (const peer of log.peers.values()) if (!peer.isOurs) see(log, peer);
    this.#listeners.add(see);
    return () => void this.#listeners.delete(see);
  }

  /** An end of this process that has statuses to tell. */
  join(end: OwnEnd): void {
    this.#ends.set(`${end.side} ${end.channel} ${end.sender.context}`, end);
  }

  endsOf(owner: string, channel: string, side: Side): readonly OwnEnd[] {
    return [...this.#ends.values()].filter((end) => end.owner === owner && end.channel === channel && end.side === side);
  }

  leave(end: OwnEnd): void {
    this.#ends.delete(`${end.side} ${end.channel} ${end.sender.context}`);
  }

  /** Tells statuses of an end, in order; resolves once they are stored. */
  async tell(end: OwnEnd, ...statuses: readonly PypzStatus[]): Promise<void> {
    if (statuses.length === 0) return;
    const { channel, side, sender, owner } = end;
    const records = end.records();
    const counted = side === 'reader' ? 'receivedRecordCount' : 'sentRecordCount';
    const payload = records === 0 ? {} : { [counted]: records };
    const values = statuses.map((status) => {
      const timestamp = Math.max(this.#told.get(sender.context) ?? 0, Date.now());
      this.#told.set(sender.context, timestamp);
      return encodeStatus(channel, { sender, status, timestamp, payload: status === 'HealthCheck' ? payload : undefined });
    });
    const mark = [[OURS, Buffer.from(owner)]] as const;
    const producer = await this.#write();
    producer.write(producer.queue(statusTopic(channel, side), 0), { ...recordsOf(values.map((value) => [STATUS_KEY, value])), headers: values.map(() => mark) });
    await producer.flush();
  }

  /** A sign of life of every end of this process. */
  async beat(): Promise<void> {
    await Promise.all(Array.from(this.#ends.values(), (end) => this.tell(end, 'HealthCheck')));
  }

  /** Fails a session whose foreign peers are silent for `peerTimeout`. */
  watch(watch: Watch): void {
    this.#watches.set(watch, this.now());
  }

  unwatch(watches: Iterable<Watch>): void {
    for (const watch of watches) this.#watches.delete(watch);
  }

  /** Resolves once `holds` does, or `isOver`: looked at whenever a peer has spoken, and once a second. */
  async until(holds: () => boolean, isOver: () => boolean): Promise<void> {
    while (!holds() && !isOver()) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  /**
   * Waits until the foreign readers of a channel have ended: what they delete afterwards is theirs. One that is silent for
   * `peerTimeout` is left behind, with a warning.
   */
  async readersEnded(channel: string): Promise<void> {
    const { settings: { peerTimeout }, logger } = this.#options;
    const log = this.#open.get(statusTopic(channel, 'reader'));
    if (log === undefined) return;
    const isOpen = (peer: Peer): boolean => !peer.isOurs && peer.isPresent && !hasEnded(peer) && !(peerTimeout > 0 && this.now() - peer.heardAt > peerTimeout);
    await this.until(() => ![...log.peers.values()].some(isOpen), () => log.failure !== undefined || this.#isClosed);
    for (const peer of log.peers.values()) if (!peer.isOurs && peer.isPresent && !hasEnded(peer)) logger.warn({ channel, peer: peer.sender.context }, `the pypz reader was silent for ${peerTimeout} ms, so nobody waits for it any more`);
  }

  close(error: Error): void {
    this.#isClosed = true;
    this.#wake();
    clearInterval(this.#timer);
    this.#watches.clear();
    this.#ends.clear();
    for (const log of this.#open.values()) log.close();
    this.#producer?.then((producer) => producer.close(error), () => undefined);
    this.#fetcher.close();
  }

  #drop(key: string): void {
    this.#logs.delete(key);
    this.#open.delete(key);
  }

  #write(): Promise<Producer> {
    const { client, settings, budget, patience } = this.#options;
    if (this.#producer === undefined) {
      const made = plainIdentity(client, patience).then((identity) => new Producer(client, { identity, ...settings.producer, compression: 'none', budget, lane: 'status', onFailure: forget }));
      const forget = (): void => {
        if (this.#producer === made) this.#producer = undefined;
      };
      made.catch(forget);
      this.#producer = made;
    }
    return this.#producer;
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }

  #see(log: StatusLog, peer: Peer): void {
    this.#wake();
    if (peer.isOurs) return;
    // The principal deletes the topics soon: nothing may bring them back.
    if (log.side === 'reader' && peer.isPresent && hasEnded(peer) && peer.sender.context === log.channel) {
      for (const end of this.#ends.values()) if (end.channel === log.channel && end.side === 'writer') this.leave(end);
    }
    for (const see of this.#listeners) see(log, peer);
  }

  #look(): void {
    const now = performance.now();
    this.#stood += Math.max(0, now - this.#lookedAt - 5 * LOOK_MS);
    this.#lookedAt = now;
    this.#wake();
    const { peerTimeout } = this.#options.settings;
    for (const [watch, since] of this.#watches) {
      if (watch.isOver()) {
        this.#watches.delete(watch);
        continue;
      }
      const log = this.#open.get(statusTopic(watch.channel, watch.side));
      for (const owner of watch.owners) {
        const peer = log?.ofOwner(owner);
        if (peer !== undefined && (peer.isOurs || hasEnded(peer))) continue;
        const silence = this.now() - Math.max(since, peer?.heardAt ?? 0);
        if (peerTimeout === 0 || silence <= peerTimeout) continue;
        this.#watches.delete(watch);
        watch.fail(silent(watch, owner, peer, log, silence));
        break;
      }
    }
  }
}

function silent({ channel, side }: Watch, owner: string, peer: Peer | undefined, log: StatusLog | undefined, silence: number): MillraceError {
  const last = peer === undefined ? 'it has never told a status' : `its last status was ${peer.state ?? 'HealthCheck'}`;
  const others = [...(log?.peers.keys() ?? [])].join(', ') || 'nobody';
  return new MillraceError('MILLRACE_PEER_DEAD', `${side} ${owner} of channel ${channel} was silent for ${Math.round(silence)} ms: ${last} in ${statusTopic(channel, side)}, where ${others} spoke; start it, check that both sides describe the pipeline alike, or raise peerTimeout`, { channel, operator: owner });
}
