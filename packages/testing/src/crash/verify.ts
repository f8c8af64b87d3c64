import { stateKey, type Transport } from '@millrace/core';
import type { RecordChecker } from './checker.js';
import { CRASH_CHANNELS } from './pipeline.js';

const decoder = new TextDecoder();

/** Where a crash test looks when all is over. */
export interface Place {
  readonly transport: Transport;
  readonly pipeline: string;
  readonly replicas: number;
  readonly partitions: number;
}

/** How many records each source says that it sent, by its committed state. */
export async function sentBySource({ transport, pipeline, replicas }: Place): Promise<ReadonlyMap<number, number>> {
  const sent = new Map<number, number>();
  for (let replica = 0; replica < replicas; replica++) {
    const value = (await stateOf(transport, `${pipeline}.source#${replica}`)).get(stateKey('progress'));
    sent.set(replica, value === undefined ? 0 : (JSON.parse(decoder.decode(value)) as { readonly sent: number }).sent);
  }
  return sent;
}

/** What of the positions and the state is not as the results say that it has to be. */
export async function problemsOf(place: Place, checker: RecordChecker, delivery: 'at-least-once' | 'exactly-once'): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const name of CRASH_CHANNELS) problems.push(...(await unread(place, `${place.pipeline}.${name}`)));
  problems.push(...(await miscounted(place, checker.counts)));
  if (delivery === 'exactly-once' && checker.miscounted > 0) problems.push(`${checker.miscounted} records came out with another count than their place in their key`);
  return problems;
}

async function unread({ transport }: Place, channel: string): Promise<readonly string[]> {
  const description = await transport.describeChannel(channel);
  if (description === undefined) return [`channel ${channel} is gone`];
  const positions = description.groups.get(channel);
  return [...description.ends].filter(([partition, end]) => positions?.get(partition) !== end).map(([partition, end]) => `partition ${partition} of ${channel} ends at ${end}, and its group stands at ${positions?.get(partition) ?? 'no position'}`);
}

/** The counter's state has to have, for each key, the count that came out with its last record. */
async function miscounted({ transport, pipeline, replicas, partitions }: Place, counts: ReadonlyMap<string, number>): Promise<readonly string[]> {
  const problems: string[] = [];
  const kept = new Map<string, number>();
  for (let replica = 0; replica < replicas; replica++) {
    const state = await stateOf(transport, `${pipeline}.counter#${replica}`);
    for (let partition = 0; partition < partitions; partition++) {
      const value = state.get(stateKey('counts', partition));
      if (value === undefined) continue;
      for (const [key, count] of Object.entries(JSON.parse(decoder.decode(value)) as Record<string, number>)) {
        if (kept.has(key)) problems.push(`key ${key} is counted in more than one partition`);
        kept.set(key, count);
      }
    }
  }
  for (const key of new Set([...kept.keys(), ...counts.keys()])) {
    if (kept.get(key) !== counts.get(key)) problems.push(`the state counts ${kept.get(key) ?? 0} records of key ${key}, and ${counts.get(key) ?? 0} is the last count that came out`);
  }
  return problems;
}

async function stateOf(transport: Transport, owner: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const session = await transport.open({ id: owner, delivery: 'at-least-once', wake: () => undefined });
  try {
    return new Map(session.state);
  } finally {
    await session.close();
  }
}
