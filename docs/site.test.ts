import { existsSync, readdirSync } from 'node:fs';
import type { DefaultTheme } from 'vitepress';
import { expect, it } from 'vitest';
import { sidebar } from './.vitepress/sidebar.js';

const root = new URL('../', import.meta.url);

function linksOf(items: readonly DefaultTheme.SidebarItem[]): readonly string[] {
  return items.flatMap(({ link, items: below = [] }) => [...(link === undefined ? [] : [link]), ...linksOf(below)]);
}

it('every guide, example and package has its place in the sidebar, and every place a page', () => {
  const pages = linksOf(sidebar).filter((link) => !link.startsWith('/docs/api/'));
  const guides = readdirSync(new URL('docs/', root)).filter((name) => name.endsWith('.md')).map((name) => `/docs/${name.slice(0, -3)}`);
  expect(pages.filter((link) => /^\/docs\//.test(link)).sort()).toEqual(guides.sort());
  expect(pages.filter((link) => !existsSync(new URL(`.${link.replace(/\/$/, '/README')}.md`, root)))).toEqual([]);
});
