import { sharedKafka } from '#kafka';
import { expect, it, vi } from 'vitest';
import { Desk, Others, start, unique } from './fixtures.js';

const { bootstrap, describe } = await sharedKafka();
const location = `kafka://${bootstrap}`;
const others = new Others(bootstrap);

describe('a topic of others', () => {
  it('that is deleted while it is read fails the run, which names it', async () => {
    const topic = await others.createTopic('deleted');
    await others.send(topic, ['{"id":1,"item":"tea"}']);
    const desk = new Desk();
    const run = await start(desk, location, { from: `${location}/${topic}?group=${unique('group')}&format=json` });
    const ended = run.completed.then(() => undefined, (error: unknown) => error);
    await vi.waitFor(() => expect(desk.got).toHaveLength(1), { timeout: 20_000, interval: 20 });
    await others.deleteTopic(topic);
    expect(await ended).toMatchObject({ channel: topic, message: expect.stringContaining(topic) as string });
  });
});
