import type { Sender } from './names.js';

/** The states of pypz's channel ends, and what else its statuses say; case matters. */
export const STATUSES = ['Opened', 'Started', 'Stopped', 'Closed', 'HealthCheck', 'Error', 'Acknowledged', 'WaitingForSchema'] as const;
export type PypzStatus = (typeof STATUSES)[number];

/** A status of a channel end. */
export interface StatusMessage {
  readonly sender: Sender;
  readonly status: PypzStatus;
  /** Epoch ms on the sender's clock; `undefined` where it gave none. */
  readonly timestamp: number | undefined;
  /** `undefined` where it gave none, or null. */
  readonly payload: unknown;
}

/** Key of every record that is a status. Records under keys that do not contain it are passed over. */
export const STATUS_KEY = 'state';

/** The seven members that pypz reads, in its order. One more would make it give up the whole poll. */
export function encodeStatus(channel: string, { sender, status, timestamp, payload }: StatusMessage): Uint8Array {
  return Buffer.from(JSON.stringify({
    channel_name: channel,
    channel_context_name: sender.context,
    channel_group_name: sender.group,
    channel_group_index: sender.index,
    status,
    payload: payload ?? null,
    timestamp: timestamp ?? Date.now(),
  }));
}

/** A status as any peer may write it; `undefined` for what is none: it comes from other programs, and must not stop this one. */
export function decodeStatus(bytes: Uint8Array): StatusMessage | undefined {
  let fact: unknown;
  try {
    fact = JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
  if (typeof fact !== 'object' || fact === null) return undefined;
  const { channel_context_name: context, channel_group_name: group, channel_group_index: index, status, payload, timestamp } = fact as Record<string, unknown>;
  const known = STATUSES.find((each) => each === status);
  if (typeof context !== 'string' || known === undefined) return undefined;
  const time = timestamp === null || timestamp === undefined ? NaN : Number(timestamp);
  return {
    sender: { context, group: typeof group === 'string' ? group : null, index: typeof index === 'number' ? index : 0 },
    status: known,
    timestamp: Number.isFinite(time) ? time : undefined,
    payload: payload ?? undefined,
  };
}
