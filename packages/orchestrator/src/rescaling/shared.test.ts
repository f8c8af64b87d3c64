import { memoryBackend } from '@millrace/core';
import { withFaults, type Fault } from '@millrace/testing';
import { afterEach, expect, it } from 'vitest';
import { Place, range } from '../fixtures.js';
import type { Run } from '../index.js';
import { byPartition, flow, keepers } from './fixtures.js';

const places: Place[] = [];
afterEach(async () => {
  for (const place of places.splice(0)) await place.clear();
});

/** One start of run `r`. Its starts all have the same plan, of three keepers. */
function share(place: Place, only: readonly string[], faults: readonly Fault[] = []): Promise<Run> {
  return place.start(keepers(3), { runId: 'r', only, defaults: { delivery: 'exactly-once', commitInterval: 0 }, backends: [withFaults(memoryBackend, faults)] });
}

const keeperCount = (run: Run): number => [...run.stages.keys()].filter((name) => name.startsWith('p.keeper')).length;

it('a start that joins the run again has the replicas that the run has by then', async () => {
  for (const replicas of [5, 1]) {
    const place = new Place();
    places.push(place);
    Object.assign(flow, { to: 90, last: Infinity });
    const ends = await share(place, ['source', 'tap']);
    const first = await share(place, ['keeper']);
    await place.probe.until(() => place.probe.received.length > 40);
    await first.rescale('keeper', replicas);
    expect((await first.stop()).outcome).toBe('stopped');
    const second = await share(place, ['keeper']);
    expect([keeperCount(second), second.generation]).toEqual([replicas, first.generation]);
    flow.to = flow.last = 150;
    // Those whose plan knows of other replicas wait for these all the same, before they delete anything.
    expect((await ends.completed).outcome).toBe('done');
    expect((await second.completed).outcome).toBe('done');
    expect(place.probe.kept).toEqual(byPartition(range(150)));
    expect(byPartition(place.probe.received)).toEqual(byPartition(range(150)));
    expect(await place.facts()).toEqual(['generation']);
  }
});

it.each(['transport.open', 'session.commit', 'control.put'] as const)('a rescale that is cut short at any %s is finished by the start that joins', async (member) => {
  let wasCut = true;
  let at = 0;
  while (wasCut) {
    at++;
    const place = new Place();
    places.push(place);
    Object.assign(flow, { to: 90, last: Infinity });
    const faults: Fault[] = [];
    const ends = await share(place, ['source', 'tap']);
    const first = await share(place, ['keeper'], faults);
    const ended = first.completed.catch(() => undefined);
    // By then every partition has state.
    await place.probe.until(() => place.probe.received.length === 90);
    flow.to = 120;
    faults.push({ member, at, action: 'cut', ...(member === 'control.put' ? {} : { owner: /keeper/ }) });
    wasCut = await first.rescale('keeper', 2).then(() => false, () => true);
    await first.stop({ mode: 'now' }).catch(() => undefined);
    await ended;
    faults.length = 0;
    const second = await share(place, ['keeper']);
    flow.to = flow.last = 150;
    expect((await ends.completed).outcome).toBe('done');
    expect((await second.completed).outcome).toBe('done');
    expect([at, place.probe.kept]).toEqual([at, byPartition(range(150))]);
    expect(new Set(place.probe.received)).toEqual(new Set(range(150)));
  }
  expect(at).toBeGreaterThan(3);
});
