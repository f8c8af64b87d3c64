import { initProducerId, type KafkaClient, type ProducerIdentity } from '../client/index.js';
import { backendFailed, retry } from '../retry.js';

/** Asks for the identity of an idempotent producer outside transactions. @param patience ms for which the cluster may be out of reach */
export async function plainIdentity(client: KafkaClient, patience: number): Promise<ProducerIdentity> {
  try {
    return await retry(() => client.controller().send(initProducerId({ transactionalId: null, transactionTimeout: 0 })), { patience, what: 'asking for a producer id' });
  } catch (error) {
    throw backendFailed(error);
  }
}
