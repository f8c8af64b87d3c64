import { findKafka } from '@millrace/testing/kafka';
import { describe, inject, it } from 'vitest';
import type { Answer } from './setup.js';

/** As vitest's; where Kafka is missing, a suite of a single test that is skipped with the reason. */
export type Describe = (name: string, body: () => void) => void;

/**
 * The broker that all files of a run share; call it once, at the top of a `.kafka.test.ts`. Names of topics and groups have to be
 * unique, and the broker has to stay as it is: who stops, configures or chooses one starts their own, see {@link ownKafka}.
 */
export async function sharedKafka(): Promise<{ readonly bootstrap: string; readonly describe: Describe }> {
  const answer = (await (await fetch(inject('kafkaOnDemand'))).json()) as Answer;
  if ('failed' in answer) throw new Error(answer.failed);
  return 'missing' in answer ? { bootstrap: '', describe: skipping(answer.missing) } : { ...answer, describe };
}

/** For a `.kafka.test.ts` whose tests call `startKafka` themselves, with this version (default as there). */
export async function ownKafka(version?: string): Promise<{ readonly describe: Describe }> {
  return findKafka(version).then(() => ({ describe }), (error: Error) => ({ describe: skipping(error.message) }));
}

function skipping(reason: string): Describe {
  return (name) => describe(name, () => it('needs Kafka', ({ skip }) => skip(reason)));
}
