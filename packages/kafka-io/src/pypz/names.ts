/**
 * The names of pypz 0.10.2 on a cluster. A channel is called after the principal's input port, `pipeline.operator.port`; its three
 * topics, groups and client ids follow from it. Replica i of n, counted from 0, is `operator` for 0 and `operator_<i-1>` else.
 */

export type Side = 'reader' | 'writer';

/** Who an end of a channel is, in the words of its statuses. */
export interface Sender {
  /** Full name of the sender's own port: `pipeline.operator_0.port`. */
  readonly context: string;
  /** Full name of the principal's port; null where the operator has no replicas. */
  readonly group: string | null;
  /** 0 for the principal. */
  readonly index: number;
}

/** The topic in which an end of that side tells its status. */
export function statusTopic(channel: string, side: Side): string {
  return `${channel}.${side === 'reader' ? 'input' : 'output'}.state`;
}

/** The topics of a channel, in the order in which pypz makes them. */
export function topicsOf(channel: string): readonly [data: string, writers: string, readers: string] {
  return [channel, statusTopic(channel, 'writer'), statusTopic(channel, 'reader')];
}

/** How a replica is called towards pypz. @param owner as `pipeline.operator#1` */
export function senderOf(owner: string, port: string, replicas: number): Sender {
  const { operator, index } = splitOwner(owner);
  const principal = `${operator}.${port}`;
  return { context: index === 0 ? principal : `${operator}_${index - 1}.${port}`, group: replicas > 1 ? principal : null, index };
}

/** The replica that pypz calls so, as `pipeline.operator#1`; `undefined` for what is no name of pypz. */
export function ownerOf({ context, group }: Pick<Sender, 'context' | 'group'>): string | undefined {
  const [pipeline, operator, port, ...rest] = context.split('.');
  if (pipeline === undefined || operator === undefined || port === undefined || rest.length > 0) return undefined;
  const principal = group?.split('.')[1];
  const replica = principal === undefined || operator === principal ? undefined : /^_(\d+)$/.exec(operator.slice(principal.length))?.[1];
  if (replica !== undefined) return `${pipeline}.${principal}#${Number(replica) + 1}`;
  return `${pipeline}.${operator}#0`;
}

/** The port in a full name. */
export function portOf(context: string): string {
  return context.slice(context.lastIndexOf('.') + 1);
}

/**
 * The consumer group under which pypz commits for a group of the runtime: shared by the replicas of a port, or one's own where there
 * are none, or in group mode (broadcast).
 * @param group `channel`, or `channel#1` with broadcast; any other one is kept
 */
export function consumerGroup(channel: string, group: string, partitions: number): string {
  const own = (context: string): string => `${channel}@${context}.${channel}`;
  if (group === channel) return partitions === 1 ? own(channel) : `${channel}.${channel}`;
  if (!group.startsWith(`${channel}#`)) return group;
  const [operator, port] = [channel.slice(0, channel.lastIndexOf('.')), portOf(channel)];
  return own(senderOf(`${operator}${group.slice(channel.length)}`, port, 2).context);
}

/** The names that the runtime has for a consumer group of pypz on a channel; its own name where it has none. */
export function groupsOf(channel: string, consumerGroup: string): readonly string[] {
  if (consumerGroup === `${channel}.${channel}`) return [channel];
  if (!consumerGroup.startsWith(`${channel}@`) || !consumerGroup.endsWith(`.${channel}`)) return [consumerGroup];
  const context = consumerGroup.slice(channel.length + 1, -channel.length - 1);
  // Alone and as the principal in group mode a reader has the same group.
  if (context === channel) return [channel, `${channel}#0`];
  const owner = ownerOf({ context, group: channel });
  return owner === undefined ? [consumerGroup] : [`${channel}${owner.slice(owner.lastIndexOf('#'))}`];
}

function splitOwner(owner: string): { readonly operator: string; readonly index: number } {
  const hash = owner.lastIndexOf('#');
  return hash < 0 ? { operator: owner, index: 0 } : { operator: owner.slice(0, hash), index: Number(owner.slice(hash + 1)) };
}
