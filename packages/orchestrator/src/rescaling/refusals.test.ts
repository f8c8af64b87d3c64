import { input, InputPort, memoryBackend, Operator, operator, Pipeline, state, type ChannelBackend, type PartitionState } from '@millrace/core';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { z } from 'zod';
import { gate, Num, pair, Place, range, Tap } from '../fixtures.js';
import type { Run } from '../index.js';
import { flow, Fountain, keepers, PARTITIONS } from './fixtures.js';

let place: Place;
beforeEach(() => {
  place = new Place();
  Object.assign(flow, { to: 0, last: Infinity });
});
afterEach(() => place.clear());

/** Both at once: state of its own, and a replica for each partition. */
@operator(import.meta)
class Both extends Operator {
  @input(Num) declare readonly numbers: InputPort<Num>;
  @state(z.object({ n: z.int().default(0) }), { per: 'partition' }) declare readonly fits: PartitionState<{ n: number }>;
  @state(z.object({ n: z.int().default(0) })) declare own: { n: number };
  override onRunning() {
    this.numbers.retrieve();
  }
}

function pipeline(): Pipeline {
  const made = new Pipeline('p');
  const source = made.add(Fountain, {}, { name: 'source' });
  made.add(Tap, {}, { name: 'tap', replicas: 2, ports: { numbers: { partitions: PARTITIONS } } }).numbers.connect(source.numbers);
  made.add(Both, {}, { name: 'both', ports: { numbers: { partitions: PARTITIONS } } }).numbers.connect(source.numbers);
  made.add(Tap, {}, { name: 'all', ports: { numbers: { broadcast: true, partitions: PARTITIONS } } }).numbers.connect(source.numbers);
  return made;
}

const stillThere = (run: Run, operator: string): number => [...run.stages].filter(([name]) => name.startsWith(`p.${operator}#`)).length;

it.each([
  ['of an operator that there is not', 'tab', 2, 'MILLRACE_OPTION_INVALID', 'p has no operator tab; did you mean tap?'],
  ['to no replica', 'tap', 0, 'MILLRACE_OPTION_INVALID', 'p.tap cannot have 0 replicas; give a whole number from 1 to 10,000'],
  ['to a part of one', 'tap', 1.5, 'MILLRACE_OPTION_INVALID', 'p.tap cannot have 1.5 replicas'],
  ['to what is no number', 'tap', 'two' as unknown as number, 'MILLRACE_OPTION_INVALID', 'p.tap cannot have two replicas'],
  ['to more replicas than partitions', 'tap', 7, 'MILLRACE_RESCALE_REFUSED', 'p.tap keeps its 2: p.tap.numbers has 6 partitions, which 7 replicas cannot share; partitions never change, so give the port more of them, ports: { numbers: { partitions: 7 } }, at a start with fresh: true'],
  ['of a source', 'source', 2, 'MILLRACE_RESCALE_REFUSED', 'p.source keeps its 1: it is a source'],
  ['of state that belongs to replicas', 'both', 2, 'MILLRACE_RESCALE_REFUSED', "p.both keeps its 1: each replica has state of its own (own); declare the state { per: 'partition' }"],
  ['of replicas that read all', 'all', 2, 'MILLRACE_RESCALE_REFUSED', 'p.all keeps its 1: every replica reads all of numbers'],
] as const)('a rescale %s is refused, and all goes on', async (_what, name, replicas, code, message) => {
  const run = await place.start(pipeline(), { defaults: { commitInterval: 0 } });
  await expect(run.rescale(name, replicas)).rejects.toMatchObject({ code, message: expect.stringContaining(message) as string });
  flow.to = flow.last = 30;
  expect((await run.completed).outcome).toBe('done');
  expect(stillThere(run, 'tap')).toBe(2);
  expect(place.probe.calls.filter((call) => call.includes('Interrupt'))).toEqual([]);
});

it('a backend whose peers do not expect it is left alone', async () => {
  const fixed: ChannelBackend = { ...memoryBackend, capabilities: (location) => ({ ...memoryBackend.capabilities(location), fixedEnds: true }) };
  const run = await place.start(pipeline(), { backends: [fixed] });
  await expect(run.rescale('tap', 1)).rejects.toMatchObject({ code: 'MILLRACE_RESCALE_REFUSED', message: expect.stringContaining('p.tap keeps its 2: whoever is at the other end of p.tap.numbers') as string });
});

it('a rescale to the number that there is does nothing', async () => {
  const run = await place.start(keepers(2));
  await run.rescale('keeper', 2);
  expect(place.probe.calls).not.toContain('keeper#0.onInterrupt(rescale)');
});

it('a rescale beside another one is refused; after it, it is done', async () => {
  const run = await place.start(keepers(2), { defaults: { commitInterval: 0 } });
  const held = gate();
  place.probe.at('keeper#0.onRunning', () => held.opened);
  flow.to = 60;
  await place.probe.until(() => place.probe.received.length > 0);
  const first = run.rescale('keeper', 3);
  for (const name of ['keeper', 'tap']) await expect(run.rescale(name, 1)).rejects.toMatchObject({ code: 'MILLRACE_RESCALE_REFUSED', message: expect.stringContaining(name === 'tap' ? 'p.keeper is being rescaled; rescale tap after it' : 'p.keeper is being rescaled') as string });
  held.open();
  await first;
  await run.rescale('keeper', 1);
  expect(stillThere(run, 'keeper')).toBe(1);
});

it('a run that ends, or has ended, is not rescaled', async () => {
  const run = await place.start(keepers(2));
  const ended = run.stop();
  await expect(run.rescale('keeper', 1)).rejects.toMatchObject({ code: 'MILLRACE_RESCALE_REFUSED', message: expect.stringContaining('the run of p ends') as string });
  await ended;
  await expect(run.rescale('keeper', 1)).rejects.toMatchObject({ code: 'MILLRACE_RESCALE_REFUSED' });
});

it('an operator that is done is not rescaled', async () => {
  // The tap keeps the run alive; the keeper before it is over.
  place.probe.at('tap.onShutdown', () => held.opened);
  const held = gate();
  const run = await place.start(keepers(2), { defaults: { commitInterval: 0 } });
  flow.to = flow.last = 30;
  await place.probe.until(() => place.probe.calls.includes('tap#0.onShutdown(done)'));
  await expect(run.rescale('keeper', 3)).rejects.toMatchObject({ code: 'MILLRACE_RESCALE_REFUSED', message: expect.stringContaining('p.keeper keeps its 2: it is done') as string });
  held.open();
  expect((await run.completed).outcome).toBe('done');
  expect([...place.probe.received].sort((a, b) => a - b)).toEqual(range(30));
});

it('a start that runs only some of the replicas does not rescale them', async () => {
  const shared = (only: readonly string[]) => place.start(keepers(2), { runId: 'r', only, defaults: { commitInterval: 0 } });
  const first = await shared(['source', 'keeper#0']);
  const second = await shared(['keeper#1', 'tap']);
  await expect(first.rescale('keeper', 1)).rejects.toMatchObject({ code: 'MILLRACE_RESCALE_REFUSED', message: expect.stringContaining('this start does not run p.keeper#1; a start whose only names keeper as a whole can rescale it') as string });
  await expect(second.rescale('keeper', 3)).rejects.toThrow('p.keeper#0, p.keeper#2');
});

it('nothing is rescaled where no operator runs', async () => {
  const run = await place.start(pair({ sink: { ports: { numbers: { partitions: 2 } } } }), { mode: 'Skip' });
  await run.completed;
  await expect(run.rescale('sink', 2)).rejects.toMatchObject({ code: 'MILLRACE_RESCALE_REFUSED' });
});
