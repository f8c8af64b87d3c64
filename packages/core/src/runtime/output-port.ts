import type { RecordHeader } from '../channel/spi.js';
import type { Clock } from '../clock/index.js';
import { firstInvalid } from '../codec/index.js';
import { MillraceError, toError } from '../error/index.js';
import type { OutputPlan } from '../plan/plan.js';
import { OutputPort, type Headers, type SendOptions } from '../port/index.js';
import { deepFreeze } from './freeze.js';
import type { PortCounters } from './metrics.js';
import type { Outgoing, OutputChannel } from './output-channel.js';
import { KeyCache, partitionOf } from './partitioner.js';
import { ROOM, sendOutsideStep, type StepScope } from './step.js';

/** What an output port needs of its replica. */
export interface OutputPortOptions {
  readonly replica: string;
  readonly plan: Pick<OutputPlan, 'name' | 'codec' | 'partitioner' | 'validate'>;
  readonly channels: readonly OutputChannel[];
  readonly step: StepScope;
  /** Refuse what is sent outside a step. */
  readonly stepOnly: boolean;
  readonly clock: Clock;
  readonly counters: PortCounters;
  /** Deep-freezes what is sent, so that an operator that changes it afterwards is found out. */
  readonly freeze: boolean;
}

const utf8 = new TextEncoder();

/** An output port over the channels that it feeds. */
export class ChannelOutputPort extends OutputPort<unknown> {
  readonly #options: OutputPortOptions;
  #keys: KeyCache | undefined;
  /** Next partition for records without a key, by channel. */
  readonly #turns: number[];
  #open = true;

  constructor(options: OutputPortOptions) {
    super();
    this.#options = options;
    this.#turns = options.channels.map(() => 0);
  }

  send(values: readonly unknown[], options?: SendOptions<unknown>): Promise<void> {
    const { replica, plan, step, stepOnly, channels, counters, freeze } = this.#options;
    try {
      if (!this.#open) throw new MillraceError('MILLRACE_PORT_CLOSED', `${replica} sent to ${plan.name} after it was closed`, { operator: replica, port: plan.name });
      if (values.length === 0) return ROOM;
      if (stepOnly && !step.active) throw sendOutsideStep(replica, plan.name);
      this.#check(values);
      if (options?.partition !== undefined) this.#checkPartition(options.partition);
      if (freeze) deepFreeze(values);
      const outgoing = this.#prepare(values, options);
      counters.records += values.length;
      counters.batches++;
      step.send(values.length);
      let wait: Promise<void> | undefined;
      for (let c = 0; c < channels.length; c++) {
        wait = both(wait, this.#route(c, outgoing, options?.partition));
      }
      return wait === undefined ? ROOM : this.#wait(wait);
    } catch (error) {
      return step.track(Promise.reject(toError(error, `send to ${plan.name}`)));
    }
  }

  close(): void {
    this.#open = false;
  }

  /** All values before any is sent: a batch goes whole or not at all. */
  #check(values: readonly unknown[]): void {
    const { codec, validate } = this.#options.plan;
    if (validate === false) return;
    if (validate === 'full') {
      for (const [i, value] of values.entries()) {
        try {
          codec.parse(value);
        } catch (cause) {
          // Of what came in damaged, not of what is sent.
          if (MillraceError.is(cause, 'MILLRACE_FIELD_UNDECODABLE')) throw cause;
          throw this.#invalid(i, values, toError(cause).message.replace('MILLRACE_VALUE_INVALID: ', ''), cause);
        }
      }
      return;
    }
    const i = firstInvalid(codec, values);
    if (i < 0) return;
    const problems = codec.problems(values[i]).slice(0, 5).map(({ path, expected, found }) => `${path || 'the value'} must be ${expected}, not ${found}`);
    throw this.#invalid(i, values, problems.join('; '));
  }

  #invalid(i: number, values: readonly unknown[], why: string, cause?: unknown): MillraceError {
    const { plan, replica } = this.#options;
    return new MillraceError('MILLRACE_VALUE_INVALID', `${replica} sent a value to ${plan.name} (number ${i + 1} of ${values.length}) that breaks its schema ${plan.codec.name}: ${why}`, { operator: replica, port: plan.name, cause });
  }

  /** Every channel has to have it, before one of them gets anything. */
  #checkPartition(partition: number): void {
    const { plan, replica, channels } = this.#options;
    for (const { name, partitions } of channels) {
      if (Number.isInteger(partition) && partition >= 0 && partition < partitions) continue;
      throw new MillraceError('MILLRACE_OPTION_INVALID', `${replica} sent from ${plan.name} to partition ${partition} of ${name}, which has the partitions 0 to ${partitions - 1}`, { operator: replica, port: plan.name, channel: name });
    }
  }

  #prepare(values: readonly unknown[], options: SendOptions<unknown> | undefined): Outgoing {
    const now = this.#options.clock.wall();
    if (options === undefined) return { values, keys: undefined, headers: undefined, timestamps: undefined, now };
    const { key, headers, timestamp } = options;
    return {
      values,
      keys: key && values.map((value) => this.#keyBytes(key(value))),
      headers: headers && values.map((value) => headerPairs(headers(value))),
      timestamps: timestamp && Float64Array.from(values, timestamp),
      now,
    };
  }

  #keyBytes(key: string | Uint8Array | null): Uint8Array | undefined {
    return key === null ? undefined : typeof key === 'string' ? (this.#keys ??= new KeyCache()).get(key) : key;
  }

  #route(c: number, outgoing: Outgoing, partition: number | undefined): Promise<void> | undefined {
    const channel = this.#options.channels[c]!;
    const { partitions } = channel;
    if (partition !== undefined) return this.#write(channel, partition, outgoing, undefined);
    if (partitions === 1) return this.#write(channel, 0, outgoing, undefined);
    if (outgoing.keys === undefined && (channel.partitioner ?? this.#options.plan.partitioner) === 'sticky') return this.#write(channel, this.#turn(c, partitions), outgoing, undefined);
    return this.#spread(c, channel, outgoing);
  }

  /** Record by record: by key, and by turn where there is none. */
  #spread(c: number, channel: OutputChannel, outgoing: Outgoing): Promise<void> | undefined {
    const { partitions } = channel;
    const { values } = outgoing;
    const keys = channel.partitioner === undefined ? outgoing.keys : undefined;
    const picks: (number[] | undefined)[] = new Array<number[] | undefined>(partitions);
    const roundRobin = (channel.partitioner ?? this.#options.plan.partitioner) === 'round-robin';
    let sticky = -1;
    for (let i = 0; i < values.length; i++) {
      const key = keys?.[i];
      const partition = key !== undefined ? partitionOf(key, partitions) : roundRobin ? this.#turn(c, partitions) : sticky < 0 ? (sticky = this.#turn(c, partitions)) : sticky;
      (picks[partition] ??= []).push(i);
    }
    let wait: Promise<void> | undefined;
    for (let partition = 0; partition < partitions; partition++) {
      const pick = picks[partition];
      if (pick === undefined) continue;
      wait = both(wait, this.#write(channel, partition, outgoing, pick.length === values.length ? undefined : pick));
    }
    return wait;
  }

  #turn(c: number, partitions: number): number {
    const turn = this.#turns[c]!;
    this.#turns[c] = turn + 1 === partitions ? 0 : turn + 1;
    return turn;
  }

  #write(channel: OutputChannel, partition: number, outgoing: Outgoing, pick: readonly number[] | undefined): Promise<void> | undefined {
    const { counters } = this.#options;
    if (!channel.hasReader(partition)) {
      counters.dropped += pick?.length ?? outgoing.values.length;
      return undefined;
    }
    return channel.write(outgoing, partition, pick, counters);
  }

  #wait(room: Promise<void>): Promise<void> {
    const { step, clock, counters } = this.#options;
    const start = clock.now();
    return step.track(room, () => (counters.backPressureMs += clock.now() - start));
  }
}

/** Waits for both, where there are two. */
function both(one: Promise<void> | undefined, other: Promise<void> | undefined): Promise<void> | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return Promise.all([one, other]).then(() => {});
}

function headerPairs(headers: Headers | undefined): readonly RecordHeader[] | undefined {
  if (headers === undefined) return undefined;
  const pairs = Array.isArray(headers) ? (headers as readonly (readonly [string, string | Uint8Array])[]) : Object.entries(headers as Readonly<Record<string, string | Uint8Array>>);
  return pairs.map(([name, value]) => [name, typeof value === 'string' ? utf8.encode(value) : value] as const);
}
