import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { DefaultTheme } from 'vitepress';

type Item = DefaultTheme.SidebarItem;

const page = (text: string, link: string): Item => ({ text, link });
const group = (text: string, ...items: Item[]): Item => ({ text, items });

/** The pages in the order in which a stranger needs them. */
export const sidebar: Item[] = [
  group('Start', page('Millrace', '/'), page('Concepts', '/docs/concepts')),
  group('Write', page('Authoring', '/docs/authoring'), page('Pipelines in YAML', '/docs/yaml'), page('The command', '/docs/command')),
  group('Run', page('Delivery guarantees', '/docs/delivery-guarantees'), page('In a folder', '/docs/local'), page('On Kafka', '/docs/kafka'), page('Threads and processes', '/docs/processes'), page('Errors', '/docs/errors')),
  group('Come from', page('pypz', '/docs/from-pypz')),
  { ...group('Examples', ...readmes('examples')), collapsed: true },
  group('Inside', page('Writing a backend', '/docs/writing-a-backend'), page('Crash testing', '/docs/crash-testing'), page('Contributing', '/CONTRIBUTING')),
  { ...group('Packages', ...readmes('packages')), collapsed: true },
  { ...group('API', ...api()), collapsed: true },
];

function readmes(folder: string): Item[] {
  const root = new URL(`../../${folder}/`, import.meta.url);
  return readdirSync(root)
    .filter((name) => existsSync(new URL(`${name}/README.md`, root)))
    .map((name) => page(name, `/${folder}/${name}/`));
}

/** What typedoc wrote, where it ran. */
function api(): Item[] {
  const file = new URL('../api/typedoc-sidebar.json', import.meta.url);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Item[]) : [];
}
