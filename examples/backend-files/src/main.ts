import { parseArgs } from 'node:util';
import { orchestrate } from 'millrace';
import { filesModule } from './index.js';
import { Sums } from './sums.js';

// node dist/main.js --location files:./data --to 100000
const { location, to } = parseArgs({ options: { location: { type: 'string', default: 'files:./data' }, to: { type: 'string', default: '100000' } } }).values;

const run = await orchestrate(new Sums(Number(to)), { location, backends: [filesModule], defaults: { delivery: 'exactly-once', commitInterval: 10 } });
await run.completed;
