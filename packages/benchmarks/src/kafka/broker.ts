import { startKafka } from '@millrace/testing/kafka';

/** Where scenarios, each in a process of its own, are told of the broker. */
const VARIABLE = 'MILLRACE_KAFKA';

/** The address of the broker, `host:port`. */
export function bootstrap(): string {
  const address = process.env[VARIABLE];
  if (address === undefined || address === '') throw new Error(`${VARIABLE} names no broker`);
  return address;
}

/** Starts a broker for all scenarios, unless one is named already. Resolves to what ends it. */
export async function provideBroker(): Promise<() => Promise<void>> {
  if (process.env[VARIABLE]) return async () => {};
  const cluster = await startKafka({ jvm: ['-Xms1g', '-Xmx1g'] });
  process.env[VARIABLE] = cluster.bootstrap;
  return () => cluster.close();
}
