import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { startStopwatch } from '../../harness/stopwatch.js';
import { PAYLOADS } from './payloads.js';
import { MODULES_VARIABLE } from './platformatic.js';
import { serve } from './serve.js';

/** What is used of the package, which is not among the dependencies. */
interface PlatformaticKafka {
  readonly Producer: new (options: { readonly clientId: string; readonly bootstrapBrokers: readonly string[] }) => {
    send(options: { readonly messages: readonly { readonly topic: string; readonly value: Buffer }[]; readonly acks: number }): Promise<unknown>;
    close(): Promise<void>;
  };
}

/** Records of a `send`, which is waited for before the next. */
const BATCH = 1000;

const resolve = createRequire(join(process.env[MODULES_VARIABLE] ?? '.', 'platformatic.js')).resolve;
const { Producer } = (await import(pathToFileURL(resolve('@platformatic/kafka')).href)) as PlatformaticKafka;

serve(async ({ bootstrap, records, to: topic = '' }) => {
  const producer = new Producer({ clientId: 'benchmark', bootstrapBrokers: [bootstrap] });
  const stop = startStopwatch();
  for (let sent = 0; sent < records; sent += BATCH) {
    const messages = Array.from({ length: Math.min(BATCH, records - sent) }, (_, i) => ({ topic, value: PAYLOADS[(sent + i) & 255]! }));
    await producer.send({ messages, acks: -1 });
  }
  const measured = stop();
  await producer.close();
  return measured;
});
