import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { anchorOf } from './.vitepress/links.js';

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

/** Page → its anchors. */
const anchors = new Map<string, ReadonlySet<string>>();

function anchorsOf(page: string): ReadonlySet<string> {
  const found = anchors.get(page) ?? new Set([...withoutCode(page).matchAll(/^#+ (.+)$|<a id="(\w+)">/gm)].map(([, heading, id]) => id ?? anchorOf(heading!)));
  anchors.set(page, found);
  return found;
}

function withoutCode(page: string): string {
  return readFileSync(page, 'utf8').replace(/```.*?```/gs, '');
}

it.each(pages)('%s links to files and headings that exist', (name) => {
  const page = join(root, name);
  const targets = [...withoutCode(page).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!).filter((target) => !/^[a-z]+:/.test(target));
  const broken = targets.filter((target) => {
    const [path = '', anchor] = target.split('#');
    const file = path === '' ? page : resolve(dirname(page), path);
    return !existsSync(file) || (anchor !== undefined && !anchorsOf(file).has(anchor));
  });
  expect(broken).toEqual([]);
});
