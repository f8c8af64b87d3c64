import { sharedKafka } from '#kafka';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Scene } from './scene.js';

const { bootstrap, describe } = await sharedKafka();
let scene: Scene;
beforeEach(() => void (scene = new Scene(bootstrap, '')));
afterEach(() => scene.close());

describe('a pypz peer that never shows up', () => {
  it('fails a reader after peerTimeout, which says who is silent and where', async () => {
    const run = await scene.millrace({ side: 'reader', peerTimeout: 500 });
    await expect(run.completed).rejects.toThrow(/MILLRACE_PEER_DEAD: writer \S+\.writer#0 .* was silent for \d+ ms: it has never told a status in \S+\.output\.state/);
  });

  it('fails a writer that nobody makes topics for', async () => {
    const run = await scene.millrace({ side: 'writer', count: 1, peerTimeout: 500 });
    await expect(run.completed).rejects.toThrow(/MILLRACE_PEER_DEAD: the reader of channel \S+ has not made \S+\.input_port, .*within 500 ms/);
    expect(await scene.topics()).toEqual([]);
  });
});

describe('a plan for a location that pypz shares', () => {
  it.each([
    ['exactly-once', { defaults: { delivery: 'exactly-once' } }, 'MILLRACE_DELIVERY_IMPOSSIBLE'],
    ['a codec that pypz cannot unpack', { defaults: { ports: { backend: { producer: { compression: 'lz4' } } } } }, 'cannot unpack lz4'],
    ['partitions of its own', { defaults: { ports: { partitions: 4 } } }, 'leave partitions out'],
  ] as const)('refuses %s', async (_what, options, why) => {
    await expect(scene.millrace({ side: 'reader', options })).rejects.toThrow(why);
  });

  it('refuses exactly-once of an operator with a port that pypz shares, and names the channel', async () => {
    const location = `${scene.location}&ports=reader.input_port`;
    await expect(scene.millrace({ side: 'reader', options: { location, defaults: { delivery: 'exactly-once' } } })).rejects.toThrow(/exactly-once needs transactions, which \S+\.reader\.input_port, that it reads, does not have at kafka:/);
  });

  it('refuses ports that the pipeline does not have', async () => {
    await expect(scene.millrace({ side: 'reader', options: { location: `${scene.location}&ports=reader.input` } })).rejects.toThrow(/names the port reader\.input, and the pipeline has no connected input of that name.*name some of reader\.input_port/s);
  });
});
