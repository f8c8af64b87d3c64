/** Topics of others on a real broker: what they wrote is read, what we write they read. */
import { sharedKafka } from '#kafka';
import { expect, it } from 'vitest';
import { Desk, Others, start, unique, type Order } from './fixtures.js';

const { bootstrap, describe } = await sharedKafka();
const location = `kafka://${bootstrap}`;
const others = new Others(bootstrap);
const ORDERS: readonly Order[] = [{ id: 1, item: 'tea', note: 'milk' }, { id: 2, item: 'cake', note: undefined }];

async function readAll(topic: string, keys: string): Promise<Order[]> {
  const desk = new Desk();
  const run = await start(desk, location, { from: `${location}/${topic}?group=${unique('group')}&until=end${keys}` });
  await run.completed;
  return desk.got;
}

async function write(topic: string, keys: string, orders = ORDERS): Promise<void> {
  const desk = new Desk();
  desk.toSend.push(...orders);
  await (await start(desk, location, { to: `${location}/${topic}${keys}` })).completed;
}

describe('an Avro port on a topic of others', () => {
  it('reads and writes JSON', async () => {
    const topic = await others.createTopic('json');
    await others.send(topic, ['{"id":1,"item":"tea","note":"milk"}', '{"id":2,"item":"cake","more":true}']);
    expect(await readAll(topic, '&format=json')).toEqual(ORDERS);
    const answers = await others.createTopic('json-out');
    await write(answers, '?format=json');
    expect((await others.read(answers, 2)).map(String)).toEqual(['{"id":1,"item":"tea","note":"milk"}', '{"id":2,"item":"cake"}']);
  });
});
