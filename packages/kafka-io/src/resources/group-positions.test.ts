import { describe, expect, it } from 'vitest';
import { answerGroups, answerOffsets, ScriptedClient } from '../client/scripted/fixtures.js';
import { KafkaError } from '../client/index.js';
import { GroupPositions } from './group-positions.js';

const POSITIONS = '__consumer_offsets';

describe('the groups of a topic', () => {
  it('are asked for where they are coordinated, many at a time', async () => {
    const scripted = new ScriptedClient().lead(POSITIONS, 1, 2, 1);
    const groups = Array.from({ length: 450 }, (_, i) => `g${i}`);
    scripted.on('ListGroups', (asked) => answerGroups(asked, asked.nodeId === 1 ? groups : ['elsewhere']));
    scripted.on('OffsetFetch', (asked) => answerOffsets(asked, (group, { partition }) => (group === 'g440' || group === 'elsewhere' ? 10 + partition : -1)));
    const found = await new GroupPositions(scripted.client).ofTopic('t', [0, 1]);
    expect(found).toEqual(new Map(['g440', 'elsewhere'].map((group) => [group, new Map([[0, 10], [1, 11]])])));
    expect([scripted.count('ListGroups'), scripted.count('OffsetFetch')]).toEqual([2, 4]);
  });

  it('a position in mid-commit is waited for on its own', async () => {
    const scripted = new ScriptedClient().on('ListGroups', (asked) => answerGroups(asked, ['g']));
    let unstable = 2;
    scripted.on('OffsetFetch', (asked) => answerOffsets(asked, (_, { partition }) => (partition === 1 && unstable-- > 0 ? 'UNSTABLE_OFFSET_COMMIT' : 7)));
    expect(await new GroupPositions(scripted.client).ofTopic('t', [0, 1])).toEqual(new Map([['g', new Map([[0, 7], [1, 7]])]]));
    expect(scripted.count('OffsetFetch')).toBe(3);
  });

  it('are asked for again where they moved meanwhile, or nobody coordinates some of them', async () => {
    const scripted = new ScriptedClient();
    const rounds = [[1, undefined], [1, 2], [1, 1], [1, 1], [1, 1]];
    scripted.onRefresh = () => void scripted.lead(POSITIONS, ...(rounds.shift() ?? []));
    scripted.on('ListGroups', (asked) => answerGroups(asked, [`of ${asked.nodeId}`]));
    scripted.on('OffsetFetch', (asked) => answerOffsets(asked, () => 1));
    expect([...(await new GroupPositions(scripted.client).ofTopic('t', [0])).keys()]).toEqual(['of 1']);
    expect(scripted.asked.filter(({ api }) => api === 'ListGroups').map(({ nodeId }) => nodeId)).toEqual([1, 2, 1]);
  });

  it('a client that may not see where positions are kept asks every node, unless none may be missed', async () => {
    const scripted = new ScriptedClient().on('ListGroups', (asked) => answerGroups(asked, []));
    scripted.nodeIds = [1, 2];
    scripted.onRefresh = () => Promise.reject(new KafkaError('protocol', 'no', { code: 'TOPIC_AUTHORIZATION_FAILED' }));
    const positions = new GroupPositions(scripted.client);
    expect(await positions.ofTopic('t', [0])).toEqual(new Map());
    expect(scripted.count('ListGroups')).toBe(2);
    await expect(positions.ofTopic('t', [0], { complete: true })).rejects.toThrow('MILLRACE_BACKEND_FAILED');
  });
});
