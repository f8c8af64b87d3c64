import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MarkdownRenderer } from 'vitepress';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The anchor of a heading, as GitHub makes it, so that links to it hold there and on the site. */
export function anchorOf(heading: string): string {
  return heading.toLowerCase().replace(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, '').trim().replaceAll(' ', '-');
}

/**
 * Makes links that are right in the repository right on the site: a README is the index of its folder there, and what is no page,
 * such as a test, has its path as a title instead of a link.
 */
export function linksOfTheSite(markdown: MarkdownRenderer): void {
  markdown.core.ruler.push('links-of-the-site', ({ tokens, env }) => {
    const { realPath, path } = env as { realPath?: string; path: string };
    for (const { children } of tokens) {
      let isSource = false;
      for (const token of children ?? []) {
        if (token.type === 'link_close' && isSource) {
          token.tag = 'span';
          isSource = false;
        }
        if (token.type !== 'link_open') continue;
        const href = token.attrGet('href') ?? '';
        const [target = ''] = href.split('#');
        if (target === '' || /^([a-z]+:|\/)/.test(href)) continue;
        const file = resolve(dirname(realPath ?? path), target);
        if (/^[^.].*\.md$/.test(file.slice(root.length))) token.attrSet('href', href.replace(/README\.md(?=#|$)/, 'index.md'));
        else if (existsSync(file)) {
          isSource = true;
          token.tag = 'span';
          token.attrs = [['title', file.slice(root.length)]];
        }
      }
    }
  });
}
