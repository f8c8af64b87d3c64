import { assignedPartitions, DEFAULT_HEARTBEAT, DONE_KEY, MillraceError, replicaNames, type ChannelDescription, type ChannelPlan, type Plan, type Transport } from '@millrace/core';
import { EXIT } from '../failure.js';
import type { PipelineFlags } from '../run-options.js';
import { columns, type Streams } from '../terminal.js';
import { positionsOf } from './list.js';
import { descriptionOf, withChannels } from './open.js';
import { readerOf, withSession } from './reading.js';

export interface ResetFlags extends PipelineFlags {
  readonly to: string;
  readonly partition?: number;
  readonly dryRun?: boolean;
  readonly format: 'text' | 'json';
}

/** A position that moves. */
interface Move {
  readonly group: string;
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

/** How long a sign of life of the pipeline is waited for. */
const LISTEN_MS = 2.5 * DEFAULT_HEARTBEAT.interval;

/**
 * `millrace channels reset`: moves the positions of the groups that read a channel. State stays as it is.
 * @throws MillraceError `MILLRACE_COMMAND_INVALID` while the pipeline runs
 */
export async function reset(target: string, name: string | undefined, { to, partition, dryRun = false, format, ...flags }: ResetFlags, { out }: Streams): Promise<number> {
  return await withChannels(target, flags, async ({ plan, home, transport: transportOf, channel: find }) => {
    const channel = find(name);
    if (channel.reader === undefined) throw new MillraceError('MILLRACE_COMMAND_INVALID', `nobody of ${plan.pipeline} reads ${channel.name}, so that there is no position to move`, { channel: channel.name });
    const transport = transportOf(channel);
    const description = await descriptionOf(transport, channel);
    if (partition !== undefined && !description.ends.has(partition)) throw new MillraceError('MILLRACE_COMMAND_INVALID', `${channel.name} has no partition ${partition}; there are ${description.partitions}, from 0 on`, { channel: channel.name });
    const goals = await goalsOf(to, channel, description, transport, plan);
    const moves = positionsOf(channel, description).filter((row) => partition === undefined || row.partition === partition).map((row): Move => ({ group: row.group!, partition: row.partition, from: row.position ?? row.start, to: goals.get(row.partition)! }));
    if (!dryRun) {
      await refuseRunning(plan, home);
      await move(moves, channel, plan, transport, home);
    }
    out.write(format === 'json' ? `${JSON.stringify({ channel: channel.name, dryRun, moves }, undefined, 2)}\n` : `${[...textOf(moves), dryRun ? 'nothing was changed: --dry-run' : 'moved; state is as it was'].join('\n')}\n`);
    return EXIT.done;
  });
}

/** The next offset to read, by partition; within what is there. */
async function goalsOf(to: string, channel: ChannelPlan, { starts, ends }: ChannelDescription, transport: Transport, plan: Plan): Promise<ReadonlyMap<number, number>> {
  const within = (goal: (partition: number) => number): ReadonlyMap<number, number> => new Map([...ends].map(([partition, end]) => [partition, Math.min(Math.max(goal(partition), starts.get(partition) ?? 0), end)]));
  if (to === 'earliest') return within(() => 0);
  if (to === 'latest') return within(() => Infinity);
  if (/^\d{1,15}$/.test(to)) return within(() => Number(to));
  const time = Date.parse(to);
  if (Number.isNaN(time)) throw new MillraceError('MILLRACE_COMMAND_INVALID', `--to ${to}: must be earliest, latest, an offset or a time as in 2026-05-04T12:00:00Z`);
  if (!transport.capabilities.replay) throw new MillraceError('MILLRACE_CAPABILITY_MISSING', `${channel.location} does not keep what was read, so that nothing can be found by its time; write --to earliest or latest`);
  const found = await withSession(transport, plan.pipeline, async (session) => await (await readerOf(session, channel, [...ends.keys()], time)).loadInputRecordOffset());
  return within((partition) => found.get(partition) ?? Infinity);
}

async function refuseRunning({ pipeline }: Plan, home: Transport): Promise<void> {
  let heard = 0;
  const follower = await home.control(pipeline).follow('beat/', (_key, value) => void (heard += value === undefined ? 0 : 1));
  const before = heard;
  const deadline = performance.now() + LISTEN_MS;
  while (heard === before && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50));
  await follower.close();
  if (heard > before) throw new MillraceError('MILLRACE_COMMAND_INVALID', `${pipeline} is running; stop it first, or look with --dry-run`);
}

/** As each replica, whose earlier sessions are fenced by it: one that is alive all the same ends instead of moving on. */
async function move(moves: readonly Move[], channel: ChannelPlan, plan: Plan, transport: Transport, home: Transport): Promise<void> {
  const { operator, replicas, broadcast } = channel.reader!;
  const partitions = Math.max(...moves.map(({ partition }) => partition)) + 1;
  for (const [index, owner] of replicaNames(plan.pipeline, operator, replicas).entries()) {
    const group = channel.groups![broadcast ? index : 0]!;
    const own = moves.filter((each) => each.group === group && assignedPartitions(partitions, replicas, index, broadcast).includes(each.partition));
    if (own.length === 0) continue;
    const session = await openAs(owner, transport);
    try {
      const reader = await readerOf(session, channel, own.map(({ partition }) => partition), 'earliest', group);
      await reader.loadInputRecordOffset();
      await session.commit(new Map([[reader, new Map(own.map(({ partition, to }) => [partition, to]))]]), transport === home ? undone(session.state) : undefined);
    } finally {
      await session.close();
    }
    if (transport !== home) await forgetDone(owner, home);
  }
}

/** A replica that was done has something to do again. */
async function forgetDone(owner: string, home: Transport): Promise<void> {
  const session = await openAs(owner, home);
  try {
    await session.commit(new Map(), undone(session.state));
  } finally {
    await session.close();
  }
}

function undone(state: ReadonlyMap<string, Uint8Array>): ReadonlyMap<string, undefined> {
  return new Map(state.has(DONE_KEY) ? [[DONE_KEY, undefined]] : []);
}

async function openAs(id: string, transport: Transport): ReturnType<Transport['open']> {
  return await transport.open({ id, delivery: transport.capabilities.transactions ? 'exactly-once' : 'at-least-once', wake() {} });
}

function textOf(moves: readonly Move[]): readonly string[] {
  return columns([['group', 'partition', 'from', 'to', 'means'], ...moves.map(({ group, partition, from, to }) => [group, String(partition), String(from), String(to), to < from ? `${from - to} are read again` : to > from ? `${to - from} are passed over` : 'stays'])], [1, 2, 3]);
}
