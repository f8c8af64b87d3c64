import { parseArgs } from 'node:util';
import { orchestrate, type PlacementKind } from 'millrace';
import { Hello } from './hello.js';

// node dist/main.js --location local:./data --placement process
const text = { type: 'string' } as const;
const { location = 'memory:', placement = 'inline' } = parseArgs({ options: { location: text, placement: text } }).values;

const run = await orchestrate(new Hello('hello'), {
  location,
  services: new URL('./services.js', import.meta.url),
  defaults: { placement: placement as PlacementKind },
});
await run.completed;
