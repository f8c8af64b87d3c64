import { throwProtocolError } from '../error.js';
import type { KafkaRequest } from '../types.js';

export interface GroupMember {
  readonly memberId: string;
  readonly clientId: string;
  readonly clientHost: string;
}

export interface DescribedGroup {
  readonly group: string;
  readonly errorCode: number;
  /** `Empty`, `Stable`, `PreparingRebalance`, `CompletingRebalance`; `Dead` for one that does not exist. */
  readonly state: string;
  readonly members: readonly GroupMember[];
}

const DESCRIBE_GROUPS = { key: 15, name: 'DescribeGroups', version: 4 };

/** State and live members of groups; for their coordinator. Groups of the newer protocol (KIP-848) look dead here: {@link listGroups} knows both. */
export function describeGroups(groups: readonly string[]): KafkaRequest<DescribedGroup[]> {
  return {
    api: DESCRIBE_GROUPS,
    encode(writer) {
      writer.array(groups, (group) => writer.string(group)).boolean(false);
    },
    decode(reader) {
      reader.int32(); // throttle time
      return reader.array(() => {
        const errorCode = reader.int16();
        const group = reader.string();
        const state = reader.string();
        reader.string(); // protocol type
        reader.string(); // protocol
        const members = reader.array(() => {
          const memberId = reader.string();
          reader.nullableString(); // instance
          const member = { memberId, clientId: reader.string(), clientHost: reader.string() };
          reader.bytes(); // metadata
          reader.bytes(); // assignment
          return member;
        });
        reader.int32(); // authorized operations
        return { group, errorCode, state, members };
      });
    },
  };
}

export interface ListedGroup {
  readonly group: string;
  readonly protocolType: string;
  readonly state: string;
}

const LIST_GROUPS = { key: 16, name: 'ListGroups', version: 4, flexible: true };

/** The groups that a node coordinates, of both protocols; those that one may not see are left out. */
export function listGroups(states: readonly string[] = []): KafkaRequest<ListedGroup[]> {
  return {
    api: LIST_GROUPS,
    encode(writer) {
      writer.compactArray(states, (state) => writer.compactString(state));
    },
    decode(reader) {
      reader.int32(); // throttle time
      throwProtocolError(reader.int16(), { api: LIST_GROUPS.name });
      return reader.compactArray(() => {
        const listed = { group: reader.compactString(), protocolType: reader.compactString(), state: reader.compactString() };
        reader.tags();
        return listed;
      });
    },
  };
}

export interface GroupResult {
  readonly group: string;
  readonly errorCode: number;
}

const DELETE_GROUPS = { key: 42, name: 'DeleteGroups', version: 1 };

/** Deletes groups with their offsets; for their coordinator. NON_EMPTY_GROUP where members live, GROUP_ID_NOT_FOUND where there is none. */
export function deleteGroups(groups: readonly string[]): KafkaRequest<GroupResult[]> {
  return {
    api: DELETE_GROUPS,
    encode(writer) {
      writer.array(groups, (group) => writer.string(group));
    },
    decode(reader) {
      reader.int32(); // throttle time
      return reader.array(() => ({ group: reader.string(), errorCode: reader.int16() }));
    },
  };
}
