import { expect, it } from 'vitest';
import { parseCommand } from './command.js';
import type { Scenario } from './harness/scenario.js';

const scenario = (bench: string): Scenario => ({ bench, run: async () => [] });
const suites = new Map([
  ['memory', [scenario('memory/one'), scenario('memory/two')]],
  ['scale', [scenario('scale/one')]],
]);
const chosen = (...args: string[]) => parseCommand(args, suites).scenarios.map(({ bench }) => bench);

it('takes a suite, or one scenario of it', () => {
  expect(chosen('memory')).toEqual(['memory/one', 'memory/two']);
  expect(chosen('memory/two')).toEqual(['memory/two']);
});

it('prints a table unless JSON is asked for', () => {
  expect(parseCommand(['scale'], suites).json).toBe(false);
  expect(parseCommand(['scale', '--json'], suites).json).toBe(true);
  expect(parseCommand(['--json', 'scale'], suites).json).toBe(true);
});

it.each([
  [[], 'name a suite: memory, scale'],
  [['kafka'], 'there is no suite kafka; there are memory, scale'],
  [['memory/three'], 'there is no memory/three; there are memory/one, memory/two'],
  [['memory', 'scale'], 'one suite at a time, not memory and scale'],
  [['memory', '--jsn'], "Unknown option '--jsn'"],
  [['memory', '--json=yes'], "Option '--json' does not take an argument"],
])('refuses %j', (args, message) => {
  expect(() => parseCommand(args, suites)).toThrow(message);
  expect(() => parseCommand(args, suites)).toThrow(expect.objectContaining({ name: 'UsageError' }));
});
