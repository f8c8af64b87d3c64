import { runFlow, type FlowOptions } from '../flow/flow.js';
import { Watch } from '../flow/watch.js';
import type { Side } from '../harness/compare.js';

/** A pipeline as one side of a comparison. */
export function pipeline(name: string, options: FlowOptions): Side {
  return {
    name,
    async run(records) {
      const watch = new Watch(records);
      await runFlow(options, watch);
      return watch.seconds;
    },
  };
}
