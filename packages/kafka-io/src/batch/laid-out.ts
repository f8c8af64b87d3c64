import { copyBytes, NO_VALUE, targetOf, viewOf, type OutgoingBatch, type OutgoingValues } from '@millrace/core';

/** In place of the value of a tombstone: nothing that a port may send. */
export const NULL_VALUE = Symbol('null');

/** The records of a batch whose values are encoded already, as values to be encoded: by a copy of their bytes. */
export function laidOut({ bytes, bounds, count, ...batch }: OutgoingBatch): OutgoingValues {
  const source = viewOf(bytes);
  return {
    ...batch,
    values: Array.from({ length: count }, (_, i) => (bounds[2 * i] === NO_VALUE ? NULL_VALUE : i)),
    encoding: {
      encode(index: number, buffer, position) {
        const start = bounds[2 * index]!;
        const length = bounds[2 * index + 1]! - start;
        const end = position + length;
        if (end > buffer.length) return buffer.length - end;
        copyBytes(bytes, source, start, length, buffer, targetOf(buffer), position);
        return end;
      },
    },
  };
}
