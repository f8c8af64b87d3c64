import { MillraceError, type Offsets } from '@millrace/core';
import { deleteGroups, describeGroups, KafkaError, listGroups, offsetCommit, offsetDelete, offsetFetch, protocolError, type KafkaClient, type KafkaNode, type OffsetToCommit, type TopicPartition } from '../client/index.js';
import { retry } from '../retry.js';

/** Ms for which a coordinator may be out of reach, or positions in an open transaction. */
const PATIENCE = 30_000;

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

  /** Gives a group positions where it has none. */
  async place(group: string, topic: string, starts: Offsets): Promise<void> {
    const known = await this.#fetch(group, topic, [...starts.keys()]);
    const offsets = Array.from(starts, ([partition, offset]) => ({ topic, partition, offset })).filter(({ partition }) => !known.has(partition));
    if (offsets.length > 0) await this.commit(group, offsets);
  }

  /** Writes positions of a group, outside transactions. @throws MillraceError `MILLRACE_GROUP_IN_USE` */
  async commit(group: string, offsets: readonly OffsetToCommit[]): Promise<void> {
    await this.#ask(group, `the positions of group ${group}`, async (node) => {
      for (const { topic, partition, errorCode } of await node.send(offsetCommit(group, offsets))) check(errorCode, { api: 'OffsetCommit', topic, partition, group });
    });
  }

  /** The groups that have positions in a topic. */
  async ofTopic(topic: string, partitions: readonly number[]): Promise<ReadonlyMap<string, Offsets>> {
    const found = new Map<string, Offsets>();
    for (const group of await this.#groups()) {
      const offsets = await this.#fetch(group, topic, partitions);
      if (offsets.size > 0) found.set(group, offsets);
    }
    return found;
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

  async #groups(): Promise<readonly string[]> {
    const lists = await retry(() => Promise.all(this.client.nodeIds.map((id) => this.client.node(id).send(listGroups()))), { patience: PATIENCE, what: 'listing the groups', again: () => this.client.refresh([]) });
    return lists.flat().filter(({ protocolType }) => protocolType === '' || protocolType === 'consumer').map(({ group }) => group);
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
      const { code, message } = error;
      if (code === 'UNKNOWN_MEMBER_ID' || code === 'ILLEGAL_GENERATION' || code === 'REBALANCE_IN_PROGRESS') throw new MillraceError('MILLRACE_GROUP_IN_USE', `group ${group} has live members: stop them, or read as another group`, { cause: error });
      throw new MillraceError('MILLRACE_BACKEND_FAILED', message, { cause: error });
    }
  }
}

function check(errorCode: number, place: Parameters<typeof protocolError>[1]): void {
  const error = protocolError(errorCode, place);
  if (error !== undefined) throw error;
}
