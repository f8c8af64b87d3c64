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
    expect(await ended).toMatchObject({ code: 'MILLRACE_CHANNEL_UNKNOWN', channel: topic, message: expect.stringContaining(`topic ${topic} was deleted`) as string });
  });

  it('that is made anew under its name fails the run, and the next one reads it from its beginning', async () => {
    const topic = await others.createTopic('remade');
    const from = `${location}/${topic}?group=${unique('group')}&format=json`;
    await others.send(topic, ['{"id":1,"item":"tea"}', '{"id":2,"item":"tea"}']);
    const desk = new Desk();
    const run = await start(desk, location, { from });
    const ended = run.completed.then(() => undefined, (error: unknown) => error);
    await vi.waitFor(() => expect(desk.got).toHaveLength(2), { timeout: 20_000, interval: 20 });
    await others.remakeTopic(topic);
    // As many as would be there to be read behind the old position.
    await others.send(topic, [3, 4, 5, 6].map((id) => `{"id":${id},"item":"cake"}`));
    expect(await ended).toMatchObject({ code: 'MILLRACE_CHANNEL_UNKNOWN', channel: topic, message: expect.stringContaining('deleted and made anew') as string });
    expect(desk.got.map(({ id }) => id)).toEqual([1, 2]);
    const again = await start(desk, location, { from });
    await vi.waitFor(() => expect(desk.got.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6]), { timeout: 20_000, interval: 20 });
    await again.stop();
  });
});
