import type { ChannelDescription, ChannelPlan } from '@millrace/core';
import { EXIT } from '../failure.js';
import type { PipelineFlags } from '../run-options.js';
import { columns, type Streams } from '../terminal.js';
import { withChannels } from './open.js';

export interface ListFlags extends PipelineFlags {
  readonly format: 'text' | 'json';
}

/** Where a group stands in a partition. */
export interface PositionRow {
  readonly channel: string;
  /** `undefined`: nobody of the pipeline reads the channel. */
  readonly group: string | undefined;
  readonly partition: number;
  /** First offset that is still there. */
  readonly start: number;
  /** Next offset that the group reads; `undefined`: it has not committed yet. */
  readonly position: number | undefined;
  readonly end: number;
  readonly lag: number;
}

interface ChannelRow {
  readonly channel: string;
  readonly location: string;
  /** 0 where it is not there. */
  readonly partitions: number;
  readonly records: number;
  readonly lag: number;
  readonly reader: string | undefined;
}

/** `millrace channels list`, `lag` and `positions`: three views of one thing. */
export async function listChannels(view: 'list' | 'lag' | 'positions', target: string, flags: ListFlags, { out }: Streams): Promise<number> {
  return await withChannels(target, flags, async ({ plan, transport }) => {
    const described = await Promise.all(plan.channels.map(async (channel) => ({ channel, description: await transport(channel).describeChannel(channel.name) })));
    const positions = described.flatMap(({ channel, description }) => (description === undefined ? [] : positionsOf(channel, description)));
    const channels = described.map(({ channel, description }): ChannelRow => ({
      channel: channel.name, location: channel.location,
      partitions: description?.partitions ?? 0,
      records: description === undefined ? 0 : sum([...description.ends].map(([partition, end]) => end - (description.starts.get(partition) ?? 0))),
      lag: sum(positions.filter((row) => row.channel === channel.name && row.group !== undefined).map(({ lag }) => lag)),
      reader: channel.reader && `${channel.reader.operator}.${channel.reader.port}`,
    }));
    const lags = [...new Set(positions.map(({ channel, group }) => `${channel} ${group ?? ''}`))].flatMap((key) => {
      const own = positions.filter(({ channel, group }) => group !== undefined && `${channel} ${group}` === key);
      return own.length === 0 ? [] : [{ channel: own[0]!.channel, group: own[0]!.group!, lag: sum(own.map(({ lag }) => lag)) }];
    });
    const rows = { list: channels, lag: lags, positions }[view];
    out.write(flags.format === 'json' ? `${JSON.stringify(rows, undefined, 2)}\n` : `${{ list: () => listText(channels), lag: () => lagText(lags), positions: () => positionsText(positions) }[view]().join('\n')}\n`);
    return EXIT.done;
  });
}

/** Of the groups of the pipeline; of a channel that it only writes, its ends. */
export function positionsOf({ name, groups = [] }: ChannelPlan, { starts, ends, groups: known }: ChannelDescription): readonly PositionRow[] {
  return (groups.length === 0 ? [undefined] : groups).flatMap((group) => [...ends].sort(([a], [b]) => a - b).map(([partition, end]): PositionRow => {
    const start = starts.get(partition) ?? 0;
    const position = group === undefined ? undefined : known.get(group)?.get(partition);
    return { channel: name, group, partition, start, position, end, lag: Math.max(0, end - Math.max(position ?? start, start)) };
  }));
}

function listText(rows: readonly ChannelRow[]): readonly string[] {
  return columns([['channel', 'partitions', 'records', 'lag', 'read by', 'location'], ...rows.map(({ channel, partitions, records, lag, reader, location }) => [channel, partitions === 0 ? 'not there' : String(partitions), String(records), String(lag), reader ?? '-', location])], [2, 3]);
}

function lagText(rows: readonly { readonly channel: string; readonly group: string; readonly lag: number }[]): readonly string[] {
  return columns([['channel', 'group', 'lag'], ...rows.map(({ channel, group, lag }) => [channel, group, String(lag)])], [2]);
}

function positionsText(rows: readonly PositionRow[]): readonly string[] {
  return columns([['channel', 'group', 'partition', 'start', 'position', 'end', 'lag'], ...rows.map(({ channel, group, partition, start, position, end, lag }) => [channel, group ?? '-', String(partition), String(start), position === undefined ? '-' : String(position), String(end), group === undefined ? '-' : String(lag)])], [2, 3, 4, 5, 6]);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
