import { parseArgs } from 'node:util';
import { orchestrate } from 'millrace';
import { Crawl } from './crawl.js';

const { values: { location, depth }, positionals } = parseArgs({
  allowPositionals: true,
  options: { location: { type: 'string', default: 'memory:' }, depth: { type: 'string', default: '3' } },
});
const urls = positionals.length > 0 ? positionals : ['/page/0'];

const run = await orchestrate(new Crawl('crawl', { urls, maxDepth: Number(depth) }), {
  location,
  services: new URL('./services.js', import.meta.url),
  defaults: { delivery: 'exactly-once' },
});
await run.completed;
