import { MillraceError, type Offsets } from '@millrace/core';
import { deleteGroups, describeGroups, KafkaError, listGroups, offsetCommit, offsetDelete, offsetFetch, offsetFetchMany, protocolError, type KafkaClient, type KafkaNode, type OffsetToCommit, type TopicMetadata, type TopicPartition } from '../client/index.js';
import { backendFailed, retry } from '../retry.js';

/** Ms for which a coordinator may be out of reach, or positions in an open transaction. */
const PATIENCE = 30_000;
/** Groups whose positions are asked for in one request. */
const GROUPS_AT_ONCE = 200;
/** Where Kafka keeps positions: who leads one of its partitions coordinates the groups in it. */
const POSITIONS_TOPIC = '__consumer_offsets';

export interface GroupsOptions {
  /** Rejects where it is not sure that no group was missed, as whoever deletes what all of them have read must. Default false. */
  readonly complete?: boolean;
}

/** Positions of consumer groups, read and written as nobody's member: partitions are shared out by the plan, not by the group. */
export class GroupPositions {
  constructor(private readonly client: KafkaClient) {}

  /**
   * The committed positions of a group; partitions without one are left out. Those in an open transaction are waited for.
   * @throws MillraceError `MILLRACE_GROUP_IN_USE`
   */
  async committed(group: string, topic: string, partitions: readonly number[]): Promise<Offsets> {
    await this.#checkUnused(group);
    return this.#fetch(group, topic, partitions);
  }

  /** The positions that a group lacks, of those where it is to begin. */
  async lacking(group: string, topic: string, starts: Offsets): Promise<OffsetToCommit[]> {
    const known = await this.#fetch(group, topic, [...starts.keys()]);
    return Array.from(starts, ([partition, offset]) => ({ topic, partition, offset })).filter(({ partition }) => !known.has(partition));
  }

  /** Writes positions of a group, outside transactions. @throws MillraceError `MILLRACE_GROUP_IN_USE` */
  async commit(group: string, offsets: readonly OffsetToCommit[]): Promise<void> {
    await this.#ask(group, `the positions of group ${group}`, async (node) => {
      for (const { topic, partition, errorCode } of await node.send(offsetCommit(group, offsets))) check(errorCode, { api: 'OffsetCommit', topic, partition, group });
    });
  }

  /** The groups that have positions in a topic. */
  async ofTopic(topic: string, partitions: readonly number[], { complete = false }: GroupsOptions = {}): Promise<ReadonlyMap<string, Offsets>> {
    const wanted = partitions.map((partition): TopicPartition => ({ topic, partition }));
    return retry(
      async () => {
        const coordinators = await this.#coordinators(complete);
        const found = new Map((await Promise.all(coordinators.map(({ nodeId }) => this.#ofNode(nodeId, wanted)))).flat());
        // A group that moved meanwhile may have been asked for where it was not yet, or not any more.
        if (JSON.stringify(await this.#coordinators(complete)) === JSON.stringify(coordinators)) return found;
        throw new KafkaError('protocol', 'groups moved to other coordinators', { api: 'ListGroups', code: 'NOT_COORDINATOR' });
      },
      { patience: PATIENCE, what: `asking for the groups of topic ${topic}` },
    ).catch((error: unknown) => {
      throw backendFailed(error);
    });
  }

  /** Forgets the positions of every group in a topic; groups that are left without any go. */
  async forget(topic: string, partitions: readonly number[]): Promise<void> {
    for (const group of (await this.ofTopic(topic, partitions)).keys()) {
      await this.#ask(group, `forgetting the positions of group ${group}`, async (node) => {
        const elsewhere = (await node.send(offsetFetch(group))).some((each) => each.topic !== topic && each.offset >= 0);
        if (elsewhere) {
          for (const { partition, errorCode } of await node.send(offsetDelete(group, partitions.map((each) => ({ topic, partition: each }))))) check(errorCode, { api: 'OffsetDelete', topic, partition, group });
          return;
        }
        for (const { errorCode } of await node.send(deleteGroups([group]))) check(errorCode, { api: 'DeleteGroups', group });
      }).catch((error: unknown) => {
        if (!(error instanceof MillraceError && KafkaError.is(error.cause, 'GROUP_ID_NOT_FOUND'))) throw error;
      });
    }
  }

  async #fetch(group: string, topic: string, partitions: readonly number[]): Promise<Map<number, number>> {
    return this.#ask(group, `the positions of group ${group}`, async (node) => {
      const offsets = new Map<number, number>();
      for (const { partition, offset, errorCode } of await node.send(offsetFetch(group, partitions.map((each): TopicPartition => ({ topic, partition: each }))))) {
        check(errorCode, { api: 'OffsetFetch', topic, partition, group });
        if (offset >= 0) offsets.set(partition, offset);
      }
      return offsets;
    });
  }

  /** Whoever consumes as a member would lose what is committed here, and the other way round. */
  async #checkUnused(group: string): Promise<void> {
    await this.#ask(group, `the state of group ${group}`, async (node) => {
      for (const { errorCode, members } of await node.send(describeGroups([group]))) {
        check(errorCode, { api: 'DescribeGroups', group });
        const [member] = members;
        if (member === undefined) continue;
        throw new MillraceError('MILLRACE_GROUP_IN_USE', `group ${group} has ${members.length === 1 ? 'a live member' : `${members.length} live members`}, ${member.clientId} at ${member.clientHost}${members.length === 1 ? '' : ' and others'}: stop it, or read as another group`);
      }
    });
  }

  /** The groups that a node coordinates, with their positions where they have any. */
  async #ofNode(nodeId: number, wanted: readonly TopicPartition[]): Promise<(readonly [group: string, offsets: Offsets])[]> {
    const node = this.client.node(nodeId);
    const groups = (await node.send(listGroups())).filter(({ protocolType }) => protocolType === '' || protocolType === 'consumer').map(({ group }) => group);
    const found: (readonly [group: string, offsets: Offsets])[] = [];
    for (let at = 0; at < groups.length; at += GROUPS_AT_ONCE) {
      for (const { group, errorCode, offsets } of await node.send(offsetFetchMany(groups.slice(at, at + GROUPS_AT_ONCE), wanted))) {
        check(errorCode, { api: 'OffsetFetch', group });
        const known = new Map<number, number>();
        await Promise.all(offsets.map(async ({ topic, partition, errorCode, offset }) => {
          const error = protocolError(errorCode, { api: 'OffsetFetch', topic, partition, group });
          // With many replicas one or other of them is always in mid-commit: each such position is waited for on its own.
          const committed = error?.code === 'UNSTABLE_OFFSET_COMMIT' ? (await this.#fetch(group, topic, [partition])).get(partition) ?? -1 : offset;
          if (error !== undefined && error.code !== 'UNSTABLE_OFFSET_COMMIT') throw error;
          if (committed >= 0) known.set(partition, committed);
        }));
        if (known.size > 0) found.push([group, known]);
      }
    }
    return found;
  }

  /**
   * The nodes that coordinate groups, each partition of Kafka's positions with its leader. Brokers that are down are not among the
   * nodes that a cluster names, and the groups that they alone know would be missed.
   */
  async #coordinators(complete: boolean): Promise<readonly { readonly nodeId: number; readonly leads: readonly string[] }[]> {
    let partitions: TopicMetadata['partitions'] = [];
    try {
      partitions = (await this.client.metadata([POSITIONS_TOPIC])).get(POSITIONS_TOPIC)?.partitions ?? [];
    } catch (error) {
      if (complete || !KafkaError.is(error, 'TOPIC_AUTHORIZATION_FAILED')) throw error;
    }
    if (partitions.length === 0) return this.client.nodeIds.map((nodeId) => ({ nodeId, leads: [] }));
    const leads = new Map<number, string[]>();
    for (const { partition, leader, leaderEpoch } of partitions) {
      if (leader === undefined) throw new KafkaError('protocol', 'nobody coordinates some of the groups', { topic: POSITIONS_TOPIC, partition, code: 'COORDINATOR_NOT_AVAILABLE' });
      leads.set(leader, [...(leads.get(leader) ?? []), `${partition}/${leaderEpoch}`]);
    }
    return Array.from(leads, ([nodeId, all]) => ({ nodeId, leads: all }));
  }

  async #ask<T>(group: string, what: string, ask: (node: KafkaNode) => Promise<T>): Promise<T> {
    try {
      return await retry(async () => ask(await this.client.groupCoordinator(group)), {
        patience: PATIENCE,
        what,
        again: (error) => {
          if (error.kind !== 'protocol' || KafkaError.is(error, 'NOT_COORDINATOR', 'COORDINATOR_NOT_AVAILABLE')) this.client.forgetCoordinator('group', group);
        },
      });
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      const { code } = error;
      if (code === 'UNKNOWN_MEMBER_ID' || code === 'ILLEGAL_GENERATION' || code === 'REBALANCE_IN_PROGRESS') throw new MillraceError('MILLRACE_GROUP_IN_USE', `group ${group} has live members: stop them, or read as another group`, { cause: error });
      throw backendFailed(error);
    }
  }
}

function check(errorCode: number, place: Parameters<typeof protocolError>[1]): void {
  const error = protocolError(errorCode, place);
  if (error !== undefined) throw error;
}
