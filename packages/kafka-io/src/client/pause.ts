import { setTimeout } from 'node:timers/promises';
import { KafkaError } from './error.js';

/** Waits; throws as soon as the client is closed. */
export async function pause(ms: number, closed: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal: closed }).catch((error: unknown) => {
    throw new KafkaError('closed', 'the client was closed', { cause: error });
  });
}
