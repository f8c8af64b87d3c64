import { makeReadings, Reading } from '../../flow/records.js';

/** The records that peers send, encoded before they start: the same bytes that Millrace sends, which it encodes meanwhile. */
export const PAYLOADS: readonly Buffer[] = makeReadings(0, 256).map((reading) => {
  const buffer = Buffer.alloc(256);
  return buffer.subarray(0, Reading.encode(reading, buffer, 0));
});
