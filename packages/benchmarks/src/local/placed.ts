import { orchestrate, silentLogger } from 'millrace';
import { flowPipeline } from '../flow/flow.js';
import type { Measured } from '../harness/race.js';
import { withFolder } from './folder.js';

/** Passes records from a source over an operator to a sink, exactly-once in a folder: from where all three run to the end of the sink. */
export function placed(records: number, batchSize: number, placement: 'inline' | 'process'): Promise<Measured> {
  return withFolder(async (folder) => {
    const run = await orchestrate(flowPipeline({ records, batchSize, relay: true }), {
      location: `local:${folder}`,
      services: new URL('./placed-services.js', import.meta.url),
      logger: silentLogger,
      defaults: { delivery: 'exactly-once', placement, ports: { validate: false } },
    });
    let [begunAt, endedAt] = [0, 0];
    run.on('stage', (replica, stage, from) => {
      if (stage === 'OperationRunning') begunAt = performance.now();
      if (from === 'OperationRunning' && replica.startsWith('benchmark.sink#')) endedAt = performance.now();
    });
    await run.completed;
    const { replicas } = await run.metrics();
    const received = replicas.filter(({ operator }) => operator === 'sink').flatMap(({ ports }) => ports).reduce((sum, port) => sum + port.records, 0);
    if (received !== records) throw new Error(`the sink received ${received} of ${records} records`);
    return { seconds: (endedAt - begunAt) / 1000 };
  });
}
