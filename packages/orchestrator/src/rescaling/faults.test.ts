import { memoryBackend } from '@millrace/core';
import { withFaults, type Fault } from '@millrace/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { Place, range } from '../fixtures.js';
import { byPartition, flow, keepers } from './fixtures.js';

const defaults = { delivery: 'exactly-once', commitInterval: 0 } as const;
const places: Place[] = [];
afterEach(async () => {
  for (const place of places.splice(0)) await place.clear();
});

/**
 * Rescales while records flow, loses the connection in the middle of it, and lets another start go on.
 * @returns whether there was such a call to lose it at
 */
async function cutShort(fault: Fault, to: number, then: number): Promise<boolean> {
  const place = new Place();
  places.push(place);
  Object.assign(flow, { to: 90, last: Infinity });
  const faults: Fault[] = [];
  const backend = withFaults(memoryBackend, faults);
  const run = await place.start(keepers(3), { defaults, backends: [backend] });
  const ended = run.completed.catch(() => undefined);
  // By then every partition has state.
  await place.probe.until(() => place.probe.received.length === 90);
  flow.to = 120;
  faults.push(fault);
  const rescaled = await run.rescale('keeper', to).then(() => true, () => false);
  const wasCut = backend.injected.length > 0;
  if (!wasCut) expect(rescaled).toBe(true);
  backend.heal();
  // What the cut did not end.
  await run.stop({ mode: 'now' }).catch(() => undefined);
  await ended;
  flow.to = flow.last = 180;
  place.probe.kept.clear();
  expect((await (await place.start(keepers(then), { defaults })).completed).outcome).toBe('done');
  expect([fault, place.probe.kept]).toEqual([fault, byPartition(range(180))]);
  expect(new Set(place.probe.received)).toEqual(new Set(range(180)));
  for (const replica of range(6)) expect(await place.state(`p.keeper#${replica}`)).toEqual(new Map());
  return wasCut;
}

describe.each([[5, 3], [2, 2]] as const)('a rescale from 3 to %i that is cut short, and a start with %i after it', (to, then) => {
  it.each(['transport.open', 'session.commit', 'control.put'] as const)('loses nothing and doubles nothing, at whichever %s', async (member) => {
    const owner = member === 'control.put' ? {} : { owner: /keeper/ };
    for (const after of [false, true]) {
      let cuts = 0;
      while (await cutShort({ member, at: cuts + 1, action: 'cut', after, ...owner }, to, then)) cuts++;
      expect(cuts).toBeGreaterThan(2);
    }
  });
});
