import { defineConfig } from 'vitepress';
import { withMermaid } from 'vitepress-plugin-mermaid';
import { anchorOf, linksOfTheSite } from './links.js';
import { sidebar } from './sidebar.js';

// The pages are the repository's Markdown as it stands, READMEs included, so that links between them hold in both places.
export default withMermaid(defineConfig({
  title: 'Millrace',
  description: 'Embeddable stream processing for Node.js',
  srcDir: '..',
  srcExclude: ['**/dist/**', '**/coverage/**', '**/templates/**', '**/.*/**'],
  rewrites: { 'README.md': 'index.md', ':group/:name/README.md': ':group/:name/index.md' },
  outDir: 'dist/site',
  cacheDir: 'dist/cache',
  // mermaid measures a label before it stands in the page, without the line height of the page's paragraphs.
  head: [['style', {}, '.vp-doc .mermaid p { margin: 0; line-height: inherit }']],
  markdown: { anchor: { slugify: anchorOf }, config: linksOfTheSite },
  themeConfig: { sidebar, outline: [2, 3], search: { provider: 'local' } },
  // The one large chunk is mermaid, loaded where a page has a diagram.
  vite: { build: { chunkSizeWarningLimit: 4096 } },
}));
