import { parseArgs } from 'node:util';
import { orchestrate } from 'millrace';
import { Payments } from './payments.js';

const { location } = parseArgs({ options: { location: { type: 'string', default: 'memory:' } } }).values;

const run = await orchestrate(new Payments('payments'), { location, services: new URL('./services.js', import.meta.url) });
await run.completed;
