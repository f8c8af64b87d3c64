import { registerBackend } from '@millrace/orchestrator';

// Loaded when a location first names the scheme: who does not use LMDB or Kafka does not load it.
registerBackend('local', import.meta.url, async () => (await import('@millrace/local-io')).localBackend);
for (const scheme of ['kafka', 'kafkas']) registerBackend(scheme, import.meta.url, async () => (await import('@millrace/kafka-io')).kafkaBackend);
