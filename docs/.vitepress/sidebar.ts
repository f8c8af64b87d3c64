import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { DefaultTheme } from 'vitepress';

type Item = DefaultTheme.SidebarItem;

const page = (text: string, link: string): Item => ({ text, link });
const group = (text: string, ...items: Item[]): Item => ({ text, items });

/** The pages in the order in which a stranger needs them. */
export const sidebar: Item[] = [
  group('Start', page('Millrace', '/'), page('The first five minutes', '/docs/first-five-minutes'), page('Concepts', '/docs/concepts')),
  group(
    'Write',
    page('Authoring', '/docs/authoring'),
    page('Testing operators', '/docs/testing-operators'),
    page('Pipelines in YAML', '/docs/yaml'),
    page('The command', '/docs/command'),
  ),
  { ...group('Examples', ...readmes('examples')), collapsed: true },
  group(
    'Run',
    page('Delivery guarantees', '/docs/delivery-guarantees'),
    page('In a folder', '/docs/local'),
    page('On Kafka', '/docs/kafka'),
    page('Threads and processes', '/docs/processes'),
    page('Operating', '/docs/operating'),
    page('Errors', '/docs/errors'),
  ),
  group('Come from', page('kafkajs', '/docs/from-kafkajs'), page('Kafka Streams', '/docs/from-kafka-streams'), page('pypz', '/docs/from-pypz')),
  group(
    'Inside',
    page('How it works', '/docs/inside'),
    page('Writing a backend', '/docs/writing-a-backend'),
    page('Crash testing', '/docs/crash-testing'),
    page('Benchmarks', '/docs/benchmarks'),
    page('Contributing', '/CONTRIBUTING'),
  ),
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
