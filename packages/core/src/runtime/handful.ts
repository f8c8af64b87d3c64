import { NO_VALUE, type RecordBatch } from '../channel/spi.js';

/**
 * Bytes of records that are decoded at a time. A broker's batch has thousands of records: were all of them decoded at once, many would
 * outlive a collection of the young generation, which copies whatever lives.
 */
const HANDFUL_BYTES = 64 * 1024;

/** Where the records end that are handed out together with the one at `from`. At least one is; those by reference go all at once. @internal */
export function handful({ objects, bounds, count }: Pick<RecordBatch, 'objects' | 'bounds' | 'count'>, from: number): number {
  if (objects !== undefined) return count;
  let end = from;
  for (let bytes = 0; end < count && bytes < HANDFUL_BYTES; end++) {
    const start = bounds[2 * end]!;
    if (start !== NO_VALUE) bytes += bounds[2 * end + 1]! - start;
  }
  return end;
}
