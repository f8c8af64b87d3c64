import { avro, type RecordOf } from 'millrace';
import { z } from 'zod';

/** What the scenarios send: a text of 95 characters and a number. */
export const Reading = avro(z.object({ text: z.string(), n: z.int32() }).meta({ id: 'com.example.Reading' }));
export type Reading = RecordOf<typeof Reading>;

const TEXT_LENGTH = 95;
const TEXTS = Array.from({ length: 256 }, (_, i) => `${i} `.repeat(TEXT_LENGTH).slice(0, TEXT_LENGTH));
const NUMBERS = 1 << 16;

/** New records, as a source makes them: the ones from number `from` on. Both sides of a comparison make theirs with this. */
export function makeReadings(from: number, count: number): Reading[] {
  const readings = new Array<Reading>(count);
  for (let i = 0; i < count; i++) readings[i] = { text: TEXTS[(from + i) & 255]!, n: (from + i) & (NUMBERS - 1) };
  return readings;
}

/** What a consumer does with the records that it gets, on both sides. */
export function sumOf(readings: readonly Reading[]): number {
  let sum = 0;
  for (const { n } of readings) sum += n;
  return sum;
}

/** The sum of the first `count` records. */
export function expectedSum(count: number): number {
  const rest = count % NUMBERS;
  return ((count - rest) / NUMBERS) * ((NUMBERS * (NUMBERS - 1)) / 2) + (rest * (rest - 1)) / 2;
}
