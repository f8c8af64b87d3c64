import { parseArgs } from 'node:util';
import { orchestrate } from 'millrace';
import { Export } from './export.js';

const text = { type: 'string' } as const;
const { location = 'kafka://localhost:9092', topic = 'orders', folder = './orders', records, 'until-end': untilEnd = false } = parseArgs({
  options: { location: text, topic: text, folder: text, records: text, 'until-end': { type: 'boolean' } },
}).values;
const orders = `${location}/${topic}?group=export&format=json${untilEnd ? '&until=end' : ''}`;

const run = await orchestrate(new Export('export', { orders, folder, records: records === undefined ? undefined : Number(records) }), { location });
await run.completed;
