import { MillraceError, replicaNames, type ChannelPlan, type ExecutionMode, type Plan, type StatusBoard, type Transport } from '@millrace/core';
import { holdsUnread } from './preflight/own-channels.js';

/** The channels that a pipeline owns at its home location. */
export function ownChannels(plan: Plan): readonly ChannelPlan[] {
  return plan.channels.filter((channel) => channel.external === undefined);
}

/**
 * Holds back a deletion that nothing of the pipeline asked for as long as it would lose records.
 * @throws MillraceError `MILLRACE_DATA_UNREAD` naming the channels
 */
export async function refuseUnread(plan: Plan, home: Transport): Promise<void> {
  const unread = await unreadAmong(ownChannels(plan), home);
  if (unread.length > 0) throw new MillraceError('MILLRACE_DATA_UNREAD', `${plan.pipeline} deletes nothing, since nobody has read all records in ${unread.join(', ')}; run the pipeline to its end, or give fresh: true to delete them too`, { channel: unread[0] });
}

/**
 * The channels that a start whose replicas are done may delete: none (`undefined`) unless its mode says so and the replicas of all
 * other starts of the run are done too. Dead letters that nobody of the pipeline reads stay as long as there are any.
 * @throws MillraceError `MILLRACE_DATA_UNREAD` where the mode is to delete, and there are unread records
 */
export async function deletable(plan: Plan, mode: ExecutionMode, board: StatusBoard, home: Transport): Promise<readonly string[] | undefined> {
  const channels = ownChannels(plan);
  if (mode === 'ResourceDeletionOnly') {
    if (!runsAll(plan)) return undefined;
    await refuseUnread(plan, home);
    return channels.map(({ name }) => name);
  }
  if (mode !== 'Standard' || !(await isDone(plan, board))) return undefined;
  const kept = await unreadAmong(channels.filter(({ reader }) => reader === undefined), home);
  return channels.map(({ name }) => name).filter((name) => !kept.includes(name));
}

/** Whether every replica of the plan is done, also those that other processes run. */
async function isDone(plan: Plan, board: StatusBoard): Promise<boolean> {
  await board.catchUp();
  const standings = board.standings();
  const isOver = (owner: string): boolean => (standings.get(owner) ?? 'open') !== 'open';
  // Another start may have rescaled what it runs: then the board knows of replicas that this plan does not.
  return [...standings.keys(), ...plan.operators.flatMap(({ name, replicas }) => replicaNames(plan.pipeline, name, replicas))].every(isOver);
}

function runsAll(plan: Plan): boolean {
  return plan.operators.every(({ name, replicas }) => Array.from({ length: replicas }, (_, index) => index).every((index) => plan.selected(name, index)));
}

/** Channels with records that their readers have yet to read; where they have none in the pipeline, with any. */
async function unreadAmong(channels: readonly ChannelPlan[], home: Transport): Promise<readonly string[]> {
  const unread: string[] = [];
  for (const channel of channels) {
    const description = await home.describeChannel(channel.name);
    if (description === undefined) continue;
    const isUnread = channel.reader === undefined ? [...description.ends].some(([partition, end]) => end > (description.starts.get(partition) ?? 0)) : holdsUnread(channel, description);
    if (isUnread) unread.push(channel.name);
  }
  return unread;
}
