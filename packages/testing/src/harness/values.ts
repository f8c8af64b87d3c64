import { encodeToBuffer, NO_VALUE, TOMBSTONE, type Codec } from '@millrace/core';

/** Records as a batch holds them, on either way. */
interface Batch {
  readonly count: number;
  readonly objects?: readonly unknown[] | undefined;
  readonly bytes: Uint8Array;
  readonly bounds: Uint32Array;
}

/** The value as who reads it on a backend with a wire would get it. */
export function throughWire<T>(codec: Codec<T>, value: T): T {
  const bytes = encodeToBuffer(codec, value);
  return codec.decoder(codec).decode(bytes, 0, bytes.length);
}

/** The values of a batch, each gone through the wire; `null` where a record has none. */
export function valuesOf<T>(codec: Codec<T>, { count, objects, bytes, bounds }: Batch): (T | null)[] {
  return Array.from({ length: count }, (_, i) => {
    if (objects !== undefined) return objects[i] === TOMBSTONE ? null : throughWire(codec, objects[i] as T);
    return bounds[2 * i] === NO_VALUE ? null : codec.decoder(codec).decode(bytes, bounds[2 * i]!, bounds[2 * i + 1]!);
  });
}
