import { sharedKafka } from '#kafka';
import { expect, it } from 'vitest';
import { askForBrokers } from './probe.js';

const { bootstrap, describe } = await sharedKafka();

describe('the shared broker', () => {
  it('answers', async () => {
    const [host, port] = bootstrap.split(':') as [string, string];
    expect(await askForBrokers(host, Number(port))).toEqual([{ node: 1, host, port: Number(port) }]);
  });
});
