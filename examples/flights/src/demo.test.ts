import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { stripVTControlCharacters } from 'node:util';
import { dropMemorySpace } from 'millrace';
import { afterEach, expect, it } from 'vitest';
import { demo } from './demo.js';
import { onePass } from './one-pass.js';
import type { Ranked } from './scoreboard.js';
import { table } from './table.js';

const SPACE = 'flights-demo-test';
const location = ['--location', `memory:${SPACE}`];
afterEach(() => dropMemorySpace(SPACE));

async function run(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const [out, err] = [new PassThrough(), new PassThrough()];
  const printed = [text(out), text(err)] as const;
  const code = await demo(args, out, err);
  out.end();
  err.end();
  return { code, out: stripVTControlCharacters(await printed[0]), err: stripVTControlCharacters(await printed[1]) };
}

it('ends with the ranking and exit code 0', async () => {
  const { code, out, err } = await run(...location, '--flights', '2000', '--replicas', '2', '--delivery', 'exactly-once');
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toContain('The 10 airports with the worst mean delay, of 2,000 flights\n');
  expect(out).toContain(stripVTControlCharacters(table((await onePass(2_000)) as Ranked[])));
});

it('leaves out airports with few flights', async () => {
  const { out } = await run(...location, '--flights', '2000', '--min-flights', '2000');
  expect(out).toContain('No airport has enough flights, of 2,000 flights\n');
});

it('explains itself', async () => {
  expect(await run('--help')).toMatchObject({ code: 0, err: '', out: expect.stringContaining('Usage: npm run demo -- [options]') });
});

it.each([
  [['--replicas', '0'], '--replicas must be greater than 0'],
  [['--flights', '1.5', '--min-flights', 'many'], '--flights must be a whole number\n--min-flights must be a number'],
  [['--delivery', 'twice'], '--delivery must be at-least-once or exactly-once'],
  [['--fast'], "Unknown option '--fast'"],
] as const)('%j: %s', async (args, message) => {
  const { code, out, err } = await run(...args);
  expect({ code, out }).toEqual({ code: 1, out: '' });
  expect(err).toContain(`error ${message}`);
  expect(err).toContain('Usage:');
});

it('says which location it cannot use', async () => {
  const { code, err } = await run('--location', 'carrier-pigeon:loft');
  expect(code).toBe(1);
  expect(err).toContain('MILLRACE_BACKEND_UNKNOWN');
  expect(err).not.toContain('Usage:');
});
