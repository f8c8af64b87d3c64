import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { ContainerModule, orchestrate } from 'millrace';
import { Desk } from './desk.js';
import { Quotes } from './quotes.js';
import { createFront } from './server.js';

const text = { type: 'string' } as const;
const { location = 'memory:', port = '8080', limit = '100' } = parseArgs({ options: { location: text, port: text, limit: text } }).values;

const desk = new Desk(Number(limit));
const server = createFront(desk);
await once(server.listen(Number(port), '127.0.0.1'), 'listening');
const services = new ContainerModule(({ bind }) => void bind(Desk).toConstantValue(desk));
try {
  const run = await orchestrate(new Quotes('quotes'), { location, services });
  console.log(`POST http://127.0.0.1:${port}/quotes; Ctrl-C ends it when everybody has an answer`);
  await run.completed;
} finally {
  server.close();
  server.closeAllConnections();
}
