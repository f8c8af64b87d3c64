import { parseArgs } from 'node:util';
import { orchestrate, silentLogger } from 'millrace';
import { Orders } from './orders.js';
import { lettersOf, Replay } from './replay.js';

// Both, one after the other; or, on a location that outlives the process: node dist/main.js orders --location local:./data
const { values: { location }, positionals: [step] } = parseArgs({ allowPositionals: true, options: { location: { type: 'string', default: 'memory:' } } });
// What goes wrong is in the letters; the default logger tells of each too, with its stack.
const options = { location, services: new URL('./services.js', import.meta.url), defaults: { delivery: 'exactly-once' }, logger: silentLogger } as const;
const rates = { EUR: 1, USD: 0.92 };

if (step !== 'replay') await (await orchestrate(new Orders('orders', rates), options)).completed;
// The fix: somebody has looked up the franc.
if (step !== 'orders') await (await orchestrate(new Replay('replay', lettersOf('orders', location, 'replay'), { ...rates, CHF: 1.05 }), options)).completed;
