import { readFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import type { Command } from 'commander';
import { createProgram } from './program.js';

const page = readFileSync(new URL('../../../../docs/command.md', import.meta.url), 'utf8');
const lines = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, block = '']) => block.trim().split('\n'));

/** The program with commands that do nothing but remember that they were called. */
function parsing(): { readonly program: Command; readonly called: string[] } {
  const silent = { out: new PassThrough(), err: new PassThrough() };
  const program = createProgram(silent, () => {});
  const called: string[] = [];
  for (const command of leavesOf(program)) command.action(() => void called.push(command.name()));
  return { program, called };
}

function leavesOf(command: Command): readonly Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leavesOf);
}

it.each(lines)('%s is understood', async (line) => {
  const { program, called } = parsing();
  const [npx, name, ...args] = line.split(' ');
  expect([npx, name]).toEqual(['npx', 'millrace']);
  await program.parseAsync(args, { from: 'user' });
  expect(called).toHaveLength(1);
});

it('command.md has every command and every flag', () => {
  const missing = leavesOf(parsing().program).flatMap((command) => [command.name(), ...command.options.map(({ long }) => long ?? '')]).filter((word) => !page.includes(word));
  expect([...new Set(missing)]).toEqual([]);
});
