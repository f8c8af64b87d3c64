import { sharedKafka } from '#kafka';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Others } from '../external/fixtures.js';
import { sample } from './operators.js';
import { Scene } from './scene.js';

const { bootstrap, describe } = await sharedKafka();
let scene: Scene;
beforeEach(() => void (scene = new Scene(bootstrap, '')));
afterEach(() => scene.close());

describe('a pipeline on a location for pypz, all of it ours', () => {
  it('runs to its end as anywhere else, and leaves no topic of a channel', async () => {
    const run = await scene.millrace({ readers: 2, count: 20 });
    expect(await run.completed).toMatchObject({ outcome: 'done', exitCode: 0 });
    expect(scene.got.map(({ value }) => value.id).sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => sample('', i).id));
    expect(scene.got.filter(({ replica }) => replica.endsWith('#1')).every(({ value }) => value.id % 2 === 1)).toBe(true);
    expect(await scene.topics()).toEqual([]);
  });

  it('one port of an operator speaks pypz, its other one writes into a topic of others, which a pipeline elsewhere reads', async () => {
    const others = new Others(bootstrap);
    const topic = await others.createTopic('bridge');
    await scene.bridged(topic, 20);
    expect(scene.got.map(({ value }) => value)).toEqual(Array.from({ length: 20 }, (_, i) => sample(`${scene.name}.writer#0`, i)));
    await others.deleteTopic(topic);
  });

  it('one channel is shared with pypz, the others are Millrace’s own, with exactly-once', async () => {
    const readers = await scene.mixed({ side: ['reader', 'sink'] });
    const expected = ['reader.input_port', 'reader.input_port.input.state', 'reader.input_port.output.state', 'sink.input_port'].map((topic) => `${scene.name}.${topic}`);
    await vi.waitUntil(async () => (await scene.topics()).length >= expected.length, { timeout: 30_000 });
    expect(await scene.topics()).toEqual(expected);
    const writer = await scene.mixed({ side: ['writer'], count: 20 });
    for (const run of [writer, readers]) expect(await run.completed).toMatchObject({ outcome: 'done', exitCode: 0 });
    expect(scene.got.map(({ value }) => value)).toEqual(Array.from({ length: 20 }, (_, i) => sample(`${scene.name}.writer#0`, i)));
    expect(await scene.topics()).toEqual([]);
  });

  it('beside a shared channel a topic of others is written exactly-once, whatever it is called', async () => {
    const others = new Others(bootstrap);
    const topic = await others.makeTopic(`${scene.name}_archive.reader.input_port`);
    const run = await scene.mixed({ side: ['writer', 'reader', 'sink', 'copy'], count: 20, topic });
    expect(await run.completed).toMatchObject({ outcome: 'done', exitCode: 0 });
    expect(await others.read(topic, 20)).toHaveLength(20);
    expect(scene.got).toHaveLength(20);
    await others.deleteTopic(topic);
  });

  it('a value that breaks the schema: nothing of its batch is written, and what was written before stays', async () => {
    const run = await scene.millrace({ count: 10, bad: 7 });
    await expect(run.completed).rejects.toThrow(/MILLRACE_STEP_FAILED|MILLRACE_VALUE_INVALID/);
    expect(scene.got.filter(({ value }) => value.id >= 5)).toEqual([]);
    expect([0, 5]).toContain(await scene.written());
  });
});
