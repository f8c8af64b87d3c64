/** The sending process of `local/latency`: a record each millisecond, each with the time at which it was sent. */
import { localBackend } from '@millrace/local-io';
import { CHANNEL, FINGERPRINT } from './latency.js';

const [, , folder = '', seconds = ''] = process.argv;
const transport = await localBackend.connect(`local:${folder}`);
const session = await transport.open({ id: 'ticker#0', delivery: 'exactly-once', wake: () => undefined });
const writer = await session.writer(CHANNEL);
const begun = performance.now();
let sent = 0;
for (const total = 1000 * Number(seconds); sent < total; ) {
  const due = Math.min(total, Math.floor(performance.now() - begun)) - sent;
  if (due <= 0) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    continue;
  }
  const times = Float64Array.from({ length: due }, () => performance.timeOrigin + performance.now());
  void writer.writeRecords({
    partition: 0,
    count: due,
    bytes: new Uint8Array(times.buffer),
    bounds: Uint32Array.from({ length: 2 * due }, (_, i) => 8 * ((i >> 1) + (i & 1))),
    schema: FINGERPRINT,
    timestamp: Date.now(),
  });
  sent += due;
  await session.commit(new Map());
}
await session.close();
await transport.close();
