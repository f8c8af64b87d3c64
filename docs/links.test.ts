import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

function markdownIn(folder: string, recursive: boolean): string[] {
  return readdirSync(join(root, folder), { recursive, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md') && !/node_modules|^api\//.test(name))
    .map((name) => join(folder, name));
}

const pages = [
  ...markdownIn('.', false),
  ...markdownIn('docs', true),
  ...['packages', 'examples'].flatMap((group) => readdirSync(join(root, group)).flatMap((name) => markdownIn(join(group, name), false))),
];

it.each(pages)('%s links to files that exist', (page) => {
  const text = readFileSync(join(root, page), 'utf8').replace(/```.*?```/gs, '');
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!).filter((target) => !/^[a-z]+:|^#/.test(target));
  const broken = targets.filter((target) => !existsSync(resolve(root, dirname(page), target.replace(/#.*/, ''))));
  expect(broken).toEqual([]);
});
