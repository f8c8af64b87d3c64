import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Collects all garbage, without a flag on the command line. */
export function collectGarbage(): void {
  collect();
}

/** Bytes on the heap that are in use, after a collection. */
export function usedHeap(): number {
  // What finalizers and weak references let go of shows only in a second one.
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}
