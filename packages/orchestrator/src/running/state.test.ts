import { input, InputPort, memoryBackend, Operator, operator, state, type ChannelBackend, type PartitionState } from '@millrace/core';
import { ContainerModule, inject } from 'inversify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { counts, Counter, Num, nums, PartitionSummer, Place, range, Sink, Source, Summer, watchCommits } from './fixtures.js';

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => place.clear());

describe('state', () => {
  it.each(['at-least-once', 'exactly-once'] as const)('goes on where the last commit was, with positions and outputs, over stops at any place, %s', async (delivery) => {
    const sums: number[] = [];
    const source = place.add(Counter, 'source', counts(400, 7), { delivery });
    const summer = place.add(Summer, 'summer', {
      async onRunning({ in: input, out, total }) {
        for (const { n } of input.retrieve()) total.sum += n;
        await out.send([{ n: total.sum }]);
      },
    }, { delivery, commitInterval: 0 });
    summer.in.connect(source.out);
    place.add(Sink, 'sink', { onRunning: ({ in: input }) => void sums.push(...input.retrieve().map(({ n }) => n)) }).in.connect(summer.out);
    for (let starts = 1; ; starts++) {
      const run = await place.start();
      await Promise.race([run.completed, place.until(() => sums.length > 8 * starts)]);
      if ((await run.stop({ mode: 'now' })).outcome === 'done') break;
    }
    expect(sums.at(-1)).toBe((399 * 400) / 2);
    expect(sums).toEqual([...sums].sort((a, b) => a - b));
  });

  it('per partition follows what was read of each', async () => {
    const sums: Record<string, unknown> = {};
    const source = place.add(Source, 'source', {
      async onRunning({ out }) {
        for (const partition of range(4)) await out.send(nums(10 * partition, 10 * partition + 5), { partition });
        return true;
      },
    });
    place.add(PartitionSummer, 'summer', {
      onRunning({ in: input, sums }) {
        for (const { value, partition } of input.retrieveEntries()) sums.get(partition).sum += value.n;
      },
      onShutdown({ sums: { partitions, get } }) {
        for (const partition of partitions) sums[partition] = get(partition);
      },
    }, { replicas: 2, ports: { in: { partitions: 4 } } }).in.connect(source.out);
    await (await place.start({ mode: 'WithoutResourceDeletion' })).completed;
    expect(sums).toEqual({ 0: { sum: 10 }, 1: { sum: 60 }, 2: { sum: 110 }, 3: { sum: 160 } });
    expect(await place.stateOf('p.summer#1')).toMatchObject({ 'state/sums/1': { sum: 60 }, 'state/sums/3': { sum: 160 } });
  });

  it('per partition works for a channel of somebody else, which has the partitions that it has', async () => {
    const got: number[] = [];
    await place.look(async (transport) => {
      await transport.createResources([{ name: 'numbers', partitions: 3 }]);
      const session = await transport.open({ id: 'stranger', delivery: 'at-least-once', wake() {} });
      const writer = await session.writer('numbers');
      for (const partition of range(3)) void writer.writeRecords({ partition, count: 1, objects: [{ n: partition + 1 }], bytes: new Uint8Array(0), bounds: new Uint32Array(0), schema: Num.fingerprint, timestamp: 1 });
      await session.commit(new Map());
    });
    place.add(PartitionSummer, 'summer', {
      onRunning({ in: input, sums }) {
        for (const { value, partition } of input.retrieveEntries()) {
          sums.get(partition).sum += value.n;
          got.push(sums.get(partition).sum);
        }
      },
    }).in.from(`memory:${place.space}/numbers?group=g&until=end`);
    await (await place.start()).completed;
    expect(got).toEqual([1, 2, 3]);
  });

  it('of a step that failed is that of the last commit', async () => {
    const { backend, of } = watchCommits();
    const source = place.add(Counter, 'source', counts(3, 1));
    let failed = false;
    place.add(Summer, 'summer', {
      onRunning({ in: input, total }) {
        for (const { n } of input.retrieve()) {
          total.sum += 100;
          if (n === 1 && !failed) {
            failed = true;
            total.sum = -1;
            throw new Error('once');
          }
        }
      },
    }, { commitInterval: 0, ports: { in: { retries: 1, backoff: 0 } } }).in.connect(source.out);
    await (await place.start({ backends: [backend] })).completed;
    const values = of('p.summer#0').flatMap(({ state }) => (state['state/total'] === undefined ? [] : [(state['state/total'] as { sum: number }).sum]));
    expect(values.at(-1)).toBe(300);
    expect(values).not.toContain(-1);
  });
});

const day = z.codec(z.iso.datetime(), z.date(), { decode: (text) => new Date(text), encode: (value) => value.toISOString() });

/** What the operator below does with its state. */
class Script {
  step: (operator: Keeper) => boolean | void = () => true;
  readonly seen: unknown[] = [];
}

@operator(import.meta)
class Keeper extends Operator {
  @state(z.object({ at: day.nullable().default(null), names: z.array(z.string()).default([]) })) declare kept: { at: Date | null; names: string[] };
  constructor(@inject(Script) private readonly script: Script) {
    super();
  }
  override onInit() {
    this.script.seen.push(structuredClone(this.kept));
  }
  override onRunning() {
    return this.script.step(this);
  }
}

@operator(import.meta)
class ByPartition extends Operator {
  @input(Num) declare readonly in: InputPort<Num>;
  @state(z.object({ n: z.int().default(0) }), { per: 'partition' }) declare counts: PartitionState<{ n: number }>;
  override onRunning() {
    this.counts.set(this.in.partitions[0]! + 1, { n: 1 });
  }
}

describe('state that an operator keeps', () => {
  const start = (script: Script, options: object = {}) => place.start({ services: new ContainerModule(({ bind }) => void bind(Script).toConstantValue(script)), mode: 'WithoutResourceDeletion', ...options });

  it('may hold what JSON has no form for, by a codec; changed in place or replaced', async () => {
    place.pipeline.add(Keeper, {}, { name: 'keeper' });
    const script = new Script();
    script.step = ({ kept }) => {
      kept.at = new Date(5_000);
      kept.names.push('a');
    };
    const run = await start(script);
    await place.until(() => script.seen.length === 1);
    await run.stop({ mode: 'now' });
    script.step = (keeper) => {
      keeper.kept = { at: null, names: [...keeper.kept.names, 'b'] };
      return true;
    };
    await (await start(script)).completed;
    expect(script.seen[0]).toEqual({ at: null, names: [] });
    expect(script.seen[1]).toMatchObject({ at: new Date(5_000) });
    expect((await place.stateOf('p.keeper#0'))['state/kept']).toMatchObject({ at: null, names: expect.arrayContaining(['a', 'b']) as string[] });
  });

  it('must fit its schema, or the run ends and nothing of the step is kept', async () => {
    place.pipeline.add(Keeper, {}, { name: 'keeper' });
    const script = new Script();
    script.step = ({ kept }) => void kept.names.push(7 as unknown as string);
    await expect((await start(script)).completed).rejects.toMatchObject({ code: 'MILLRACE_STATE_INVALID', operator: 'p.keeper#0', message: expect.stringMatching(/the value of p\.keeper#0 in state\/kept breaks its schema/) as string });
    expect(await place.stateOf('p.keeper#0')).toEqual({});
  });

  it('must fit into the backend', async () => {
    place.pipeline.add(Keeper, {}, { name: 'keeper' });
    const small: ChannelBackend = {
      ...memoryBackend,
      async connect(location, options) {
        const transport = await memoryBackend.connect(location, options);
        return Object.defineProperty(transport, 'limits', { value: { recordBytes: Infinity, stateBytes: 100 } });
      },
    };
    const script = new Script();
    script.step = ({ kept }) => void kept.names.push('x'.repeat(40));
    await expect((await start(script, { backends: [small] })).completed).rejects.toMatchObject({ code: 'MILLRACE_STATE_TOO_LARGE', operator: 'p.keeper#0', message: expect.stringMatching(/p\.keeper#0 holds \d+ bytes in state\/kept; the backend takes 100/) as string });
  });

  it('of a partition must be of one that the replica reads', async () => {
    const source = place.add(Source, 'source', { onRunning: () => true });
    const { in: counted } = place.pipeline.add(ByPartition, {}, { name: 'counter', replicas: 2 });
    counted.connect(source.out);
    await expect((await place.start()).completed).rejects.toMatchObject({ code: 'MILLRACE_STATE_INVALID', message: expect.stringMatching(/p\.counter#[01] asks for counts of partition [12], but it reads [01]$/) as string });
  });
});
