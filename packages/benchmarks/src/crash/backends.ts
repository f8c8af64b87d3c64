import type { ChannelBackend } from '@millrace/core';

/** The backend of a location: only it is loaded, since every process of a crash test does. */
export async function backendOf(location: string): Promise<ChannelBackend> {
  return location.startsWith('local:') ? (await import('@millrace/local-io')).localBackend : (await import('@millrace/kafka-io')).kafkaBackend;
}
