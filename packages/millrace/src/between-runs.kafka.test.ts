import { sharedKafka } from '#kafka';
import { expect, it } from 'vitest';
import { Desk, Others, Reads, unique, Writes } from './external/fixtures.js';
import { ContainerModule, orchestrate, Pipeline, silentLogger } from './index.js';

const { bootstrap, describe } = await sharedKafka();
const { kafka } = new Others(bootstrap);

describe('a run that completes on Kafka', () => {
  it('deletes its channel and its group, time after time, and the next one does the work anew', async () => {
    const name = unique('between');
    const pipeline = new Pipeline(name);
    const writes = pipeline.add(Writes, {}, { name: 'writes' });
    pipeline.add(Reads, {}, { name: 'reads' }).orders.connect(writes.orders);
    const admin = kafka.admin();
    await admin.connect();
    try {
      for (let time = 1; time <= 4; time++) {
        const desk = new Desk();
        desk.toSend.push({ id: time, item: 'tea' });
        const services = new ContainerModule(({ bind }) => void bind(Desk).toConstantValue(desk));
        const run = await orchestrate(pipeline, { location: `kafka://${bootstrap}`, services, logger: silentLogger, handleSignals: false });
        expect((await run.completed).outcome).toBe('done');
        expect(desk.got).toEqual([{ id: time, item: 'tea' }]);
        expect((await admin.listTopics()).filter((topic) => topic.startsWith(name)).sort()).toEqual([`${name}.control`, `${name}.state`]);
        expect((await admin.listGroups()).groups.filter(({ groupId }) => groupId.startsWith(name))).toEqual([]);
      }
    } finally {
      await admin.disconnect();
    }
  });
});
