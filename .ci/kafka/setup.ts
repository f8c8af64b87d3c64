import { findKafka, startKafka, type KafkaCluster } from '@millrace/testing/kafka';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where a file of the run asks for the shared broker. */
    kafkaOnDemand: string;
  }
}

/** What a file is told. */
export type Answer = { readonly bootstrap: string } | { readonly missing: string } | { readonly failed: string };

/** One broker for all files of a run: started when the first of them asks, stopped after the last. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let cluster: Promise<KafkaCluster> | undefined;
  const answer = async (): Promise<Answer> => {
    const given = process.env['MILLRACE_KAFKA'];
    if (given) return { bootstrap: given };
    try {
      await findKafka();
    } catch (error) {
      return { missing: (error as Error).message };
    }
    cluster ??= startKafka();
    return cluster.then(({ bootstrap }) => ({ bootstrap }), (error: Error) => ({ failed: error.message }));
  };
  const server = createServer((_request, response) => void answer().then((told) => response.end(JSON.stringify(told))));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  project.provide('kafkaOnDemand', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return async () => {
    server.close();
    await cluster?.then((running) => running.close(), () => undefined);
  };
}
