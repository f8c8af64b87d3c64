import { parseArgs } from 'node:util';
import { orchestrate } from 'millrace';
import { Temperatures } from './pipeline.js';

// node dist/main.js --location local:./data
const { location } = parseArgs({ options: { location: { type: 'string', default: 'memory:' } } }).values;

const run = await orchestrate(new Temperatures(), { location });
const { exitCode } = await run.completed;
process.exitCode = exitCode;
