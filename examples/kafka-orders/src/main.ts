import { parseArgs } from 'node:util';
import { orchestrate } from 'millrace';
import { Orders } from './billing.js';

const { values: { location, 'until-end': untilEnd } } = parseArgs({
  options: { location: { type: 'string', default: 'kafka://localhost:9092' }, 'until-end': { type: 'boolean', default: false } },
});
const orders = `${location}/orders?group=billing&format=json${untilEnd ? '&until=end' : ''}`;

const run = await orchestrate(new Orders('billing', { orders, bills: `${location}/bills?format=json` }), { location, defaults: { delivery: 'exactly-once' } });
await run.completed;
