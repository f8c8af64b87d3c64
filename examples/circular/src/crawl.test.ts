import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ContainerModule, dropMemorySpace, orchestrate, silentLogger, type Run } from 'millrace';
import { afterAll, expect, it } from 'vitest';
import { Crawl, type CrawlOptions } from './crawl.js';
import { Printer, Web } from './web.js';

const SPACE = 'circular-test';
const folder = mkdtempSync(join(tmpdir(), 'millrace-circular-'));
afterAll(() => {
  dropMemorySpace(SPACE);
  rmSync(folder, { recursive: true, force: true });
});

const web = new Web();

/** One level after the other, in one loop. */
async function expected({ urls, maxDepth = 3 }: CrawlOptions): Promise<ReadonlyMap<string, number>> {
  const depths = new Map<string, number>();
  let level = new Set(urls);
  for (let depth = 0; depth <= maxDepth; depth++) {
    for (const url of level) depths.set(url, depth);
    const links = (await Promise.all(Array.from(level, (url) => web.linksOf(url)))).flat();
    level = new Set(links.filter((url) => !depths.has(url)));
  }
  return depths;
}

/** Counts what is read at the same time. */
class Watched extends Web {
  readonly read: string[] = [];
  now = 0;
  most = 0;

  override async linksOf(url: string): Promise<readonly string[]> {
    this.read.push(url);
    this.most = Math.max(this.most, ++this.now);
    try {
      return await super.linksOf(url);
    } finally {
      this.now--;
    }
  }
}

class Kept extends Printer {
  readonly pages: [url: string, depth: number][] = [];
  #seen!: () => void;
  readonly first = new Promise<void>((resolve) => {
    this.#seen = resolve;
  });

  override print(depth: number, url: string): void {
    this.pages.push([url, depth]);
    this.#seen();
  }
}

function start(location: string, options: CrawlOptions, watched: Watched, kept: Kept): Promise<Run> {
  const services = new ContainerModule(({ bind }) => {
    bind(Web).toConstantValue(watched);
    bind(Printer).toConstantValue(kept);
  });
  return orchestrate(new Crawl('crawl', options), { location, services, defaults: { delivery: 'exactly-once' }, logger: silentLogger, handleSignals: false });
}

it.each([
  ['a page that leads to itself and others', `memory:${SPACE}`, { urls: ['/page/199'] }],
  ['several pages', `memory:${SPACE}?wire`, { urls: ['/page/0', '/page/5', '/page/0'], maxDepth: 2 }],
  ['that page alone', `memory:${SPACE}`, { urls: ['/page/0'], maxDepth: 0 }],
  ['nothing', `memory:${SPACE}`, { urls: [] }],
  ['every page that there is, over channels with room for four', `memory:${SPACE}?records=4`, { urls: ['/page/0'], maxDepth: 1_000, window: 4 }],
  ['a folder', `local:${folder}/crawl`, { urls: ['/page/0'] }],
] as const)('a crawl ends, with every page read once, at its least depth: %s', async (_, location, options) => {
  const [watched, kept] = [new Watched(), new Kept()];
  expect((await (await start(location, options, watched, kept)).completed).outcome).toBe('done');
  const pages = await expected(options);
  expect(new Map(kept.pages)).toEqual(pages);
  expect(kept.pages.length).toBe(pages.size);
  expect(watched.read.length).toBe(pages.size);
  expect(watched.most).toBeLessThanOrEqual(('window' in options ? options.window : undefined) ?? 16);
});

it('goes on after a stop with what it had not read, and finds the same', async () => {
  const options = { urls: ['/page/0'], maxDepth: 5 };
  const [watched, kept] = [new Watched(), new Kept()];
  const first = await start(`local:${folder}/stopped`, options, watched, kept);
  await kept.first;
  expect((await first.stop({ mode: 'now' })).outcome).toBe('stopped');
  const pages = await expected(options);
  expect(kept.pages.length).toBeLessThan(pages.size);
  expect((await (await start(`local:${folder}/stopped`, options, watched, kept)).completed).outcome).toBe('done');
  expect(new Map(kept.pages)).toEqual(pages);
  expect(kept.pages.length).toBe(pages.size);
});

it('is read to its end by a drain', async () => {
  const options = { urls: ['/page/0'], maxDepth: 5 };
  const [watched, kept] = [new Watched(), new Kept()];
  const run = await start(`memory:${SPACE}`, options, watched, kept);
  await kept.first;
  expect((await run.stop()).outcome).toBe('done');
  expect(new Map(kept.pages)).toEqual(await expected(options));
});
