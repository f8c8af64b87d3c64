import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { dropMemorySpace } from 'millrace';
import { afterEach, expect, it } from 'vitest';
import { demo } from './demo.js';
import { onePass } from './one-pass.js';
import type { Ranked } from './scoreboard.js';
import { table } from './table.js';

const SPACE = 'flights-full-test';
afterEach(() => dropMemorySpace(SPACE));

it('prints the ten worst airports of all flights', async () => {
  const out = new PassThrough();
  const printed = text(out);
  expect(await demo(['--location', `memory:${SPACE}`], out, out)).toBe(0);
  out.end();
  expect(await printed).toContain(table((await onePass(3_000_000)) as Ranked[]));
});
