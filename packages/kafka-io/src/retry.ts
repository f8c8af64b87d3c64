import { setTimeout as sleep } from 'node:timers/promises';
import { MillraceError } from '@millrace/core';
import { KafkaError } from './client/index.js';

export interface RetryOptions {
  /** Ms after which what still fails is given up. */
  readonly patience: number;
  /** What is done, for the error: `the commit of hello.writer#0`. */
  readonly what: string;
  /** Rejects at once when it is aborted. */
  readonly signal?: AbortSignal | undefined;
  /** What may pass beside the errors that say so. */
  readonly isTransient?: ((error: KafkaError) => boolean) | undefined;
  /** Called before each further attempt: to forget a coordinator, to ask for metadata. */
  readonly again?: (error: KafkaError) => void | Promise<void>;
}

/**
 * Asks until there is an answer: after an error that may pass, again after 1 ms and then ever later, up to 250 ms.
 * @throws KafkaError what is no use to repeat · MillraceError `MILLRACE_TIMEOUT` once patience is at its end
 */
export async function retry<T>(attempt: () => Promise<T>, { patience, what, signal, isTransient, again }: RetryOptions): Promise<T> {
  const since = performance.now();
  for (let failures = 0; ; failures++) {
    try {
      return await attempt();
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof KafkaError) || !(error.retriable || isTransient?.(error) === true)) throw error;
      if (performance.now() - since > patience) throw new MillraceError('MILLRACE_TIMEOUT', `${what} did not succeed within ${patience} ms: ${error.message}`, { cause: error });
      await again?.(error);
      await sleep(Math.min(250, 2 ** Math.min(failures, 8)));
      signal?.throwIfAborted();
    }
  }
}

/** The same error for those above Kafka, who go by codes of Millrace; what is no error of the client stays as it is. */
export function backendFailed(error: unknown): unknown {
  return error instanceof KafkaError ? new MillraceError('MILLRACE_BACKEND_FAILED', error.message, { cause: error }) : error;
}
