import { parseArgs } from 'node:util';
import { orchestrate } from 'millrace';
import { Clickstream } from './clickstream.js';

const { location } = parseArgs({ options: { location: { type: 'string', default: 'memory:' } } }).values;

const run = await orchestrate(new Clickstream('clickstream'), { location, services: new URL('./services.js', import.meta.url) });
await run.completed;
