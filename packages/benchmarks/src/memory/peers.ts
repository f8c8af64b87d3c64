import avsc from 'avsc';
import type { Side } from '../harness/compare.js';
import { expectedSum, makeReadings, Reading, sumOf } from '../flow/records.js';

/** An async generator that passes arrays of records to a `for await`: nothing between the two but the language. */
export function asyncGenerator(batchSize: number): Side {
  return {
    name: 'async-generator',
    async run(records) {
      const startedAt = performance.now();
      let sum = 0;
      for await (const readings of batches(records, batchSize)) sum += sumOf(readings);
      return finish('async-generator', startedAt, sum, records);
    },
  };
}

async function* batches(records: number, batchSize: number): AsyncGenerator<Reading[]> {
  for (let sent = 0; sent < records; sent += batchSize) yield makeReadings(sent, Math.min(batchSize, records - sent));
}

/** Encodes and decodes batch by batch with avsc alone, into one buffer that is used again and again. */
export function avscLoop(batchSize: number): Side {
  const type = avsc.Type.forSchema(JSON.parse(Reading.schema) as avsc.Schema);
  const buffer = Buffer.allocUnsafe(batchSize * 128);
  return {
    name: 'avsc',
    async run(records) {
      const startedAt = performance.now();
      let sum = 0;
      for (let sent = 0; sent < records; sent += batchSize) {
        const readings = makeReadings(sent, Math.min(batchSize, records - sent));
        let end = 0;
        for (const reading of readings) end = type.encode(reading, buffer, end);
        if (end < 0) throw new RangeError('the buffer is too small for a batch');
        for (let position = 0; position < end; ) {
          const decoded: { readonly value: Reading; readonly offset: number } = type.decode(buffer, position);
          sum += decoded.value.n;
          position = decoded.offset;
        }
      }
      return finish('avsc', startedAt, sum, records);
    },
  };
}

function finish(name: string, startedAt: number, sum: number, records: number): number {
  const seconds = (performance.now() - startedAt) / 1000;
  if (sum !== expectedSum(records)) throw new Error(`${name} has other records than were sent`);
  return seconds;
}
