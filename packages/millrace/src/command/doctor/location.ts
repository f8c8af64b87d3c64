import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { bytes, MillraceError, type ChannelReader, type RecordBatch, type Session, type Transport } from '@millrace/core';
import { backendOf, failed, type Finding } from './checks.js';
import { checkBrokers } from './network.js';

const PATIENCE_MS = 15_000;

/** What can be said of a location; with `write` a channel is made there, written, read and deleted again. */
export async function checkLocation(location: string, backends: readonly URL[], write: boolean): Promise<readonly Finding[]> {
  const check = `location ${location}`;
  let transport: Transport;
  const network: Finding[] = [];
  try {
    const backend = await backendOf(location, backends);
    const brokers = await checkBrokers(backend.parse(location).location);
    network.push(...brokers.flat());
    // A client would fail in the same way.
    if (brokers.length > 0 && brokers.every((found) => found.some(({ status }) => status === 'failed'))) return network;
    const began = performance.now();
    transport = await within(backend.connect(location));
    const { reach, durable, transactions } = transport.capabilities;
    network.push({ check, status: 'ok', found: `connected in ${Math.round(performance.now() - began)} ms: ${[durable ? 'durable' : 'not durable', transactions ? 'transactions' : 'no transactions', `reach: ${reach}`].join(', ')}` });
  } catch (error) {
    return [...network, failed(check, error)];
  }
  try {
    return [...network, ...(write ? [await checkPermissions(transport, location)] : [])];
  } finally {
    await transport.close();
  }
}

/** What does not answer is left behind: the command ends without it. */
async function within<T>(work: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const late = setTimeout(PATIENCE_MS, undefined, { signal: timer.signal }).then(() => {
    throw new MillraceError('MILLRACE_TIMEOUT', `no answer within ${PATIENCE_MS} ms`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.abort();
    late.catch(() => {});
  }
}

async function checkPermissions(transport: Transport, location: string): Promise<Finding> {
  const check = `permissions at ${location}`;
  const id = randomUUID().slice(0, 8);
  const name = `millrace-doctor-${id}.check.records`;
  const owner = `millrace-doctor-${id}.check#0`;
  let doing = 'create a channel';
  try {
    await transport.createResources([{ name, partitions: 1, groups: [name] }]);
    doing = 'write and commit';
    const session = await transport.open({ id: owner, delivery: transport.capabilities.transactions ? 'exactly-once' : 'at-least-once', wake() {} });
    try {
      await writeOne(session, name);
      doing = 'read';
      const reader = await session.reader(name, { group: name, partitions: [0], start: 'earliest' });
      await reader.loadInputRecordOffset();
      const batch = await readOne(reader);
      doing = 'commit a position';
      await session.commit(new Map([[reader, new Map([[0, batch.next]])]]));
    } finally {
      await session.close();
    }
    return { check, status: 'ok', found: 'a channel was made, written, read and deleted' };
  } catch (error) {
    return failed(check, new Error(`cannot ${doing}: ${(error as Error).message}`, { cause: (error as Error).cause }));
  } finally {
    await transport.deleteResources({ channels: [name], owners: [owner] }).catch(() => {});
  }
}

async function writeOne(session: Session, name: string): Promise<void> {
  const writer = await session.writer(name);
  const value = Buffer.from('millrace doctor');
  await writer.writeRecords({ partition: 0, count: 1, bytes: value, bounds: Uint32Array.of(0, value.length), schema: bytes().fingerprint, timestamp: Date.now() });
  await session.commit(new Map());
}

async function readOne(reader: ChannelReader): Promise<RecordBatch> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const batch = reader.readRecords();
    if (batch !== undefined && batch.count > 0) return batch;
    if (performance.now() > deadline) throw new MillraceError('MILLRACE_TIMEOUT', `the record that was written has not come back within ${PATIENCE_MS} ms`);
    if (batch === undefined) await setTimeout(50);
  }
}
