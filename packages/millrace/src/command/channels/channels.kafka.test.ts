import { randomUUID } from 'node:crypto';
import { sharedKafka } from '#kafka';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CommandProject, heard } from '../../placement/command-project.js';

const { bootstrap, describe } = await sharedKafka();
/** A dozen processes one after the other. */
const WITH_PROCESSES = 180_000;

let project: CommandProject;
beforeAll(() => {
  project = new CommandProject();
}, WITH_PROCESSES);
afterAll(() => project.close());

describe('millrace channels and doctor on Kafka', () => {
  const location = `kafka://${bootstrap}`;
  const named = (): readonly string[] => ['count.js', '--name', `c-${randomUUID().slice(0, 8)}`, '--location', location];
  const rows = async (...args: readonly string[]): Promise<unknown> => {
    const { out, err } = await project.millrace(args);
    if (err !== '') throw new Error(err);
    return JSON.parse(out) as unknown;
  };

  it('reads records and positions, and moves them', { timeout: WITH_PROCESSES }, async () => {
    const common = named();
    const operator = ['operator', ...common, '--run-id', 'k', '--http', 'off', '--log-level', 'silent'];
    expect(await project.millrace([...operator, 'counter'])).toMatchObject({ code: 0 });
    expect(await rows('channels', 'list', ...common, '--format', 'json')).toMatchObject([{ partitions: 1, reader: 'printer.numbers' }]);
    const peeked = (await project.millrace(['channels', 'peek', ...common, 'printer.numbers', '--limit', '3'])).out.trim().split('\n').map((line) => JSON.parse(line) as { readonly offset: number; readonly value: object });
    expect(peeked.map(({ value }) => value)).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }]);
    const to = peeked[2]!.offset;
    expect(await rows('channels', 'reset', ...common, 'printer.numbers', '--to', String(to), '--format', 'json')).toMatchObject({ moves: [{ partition: 0, from: 0, to }] });
    expect(await rows('channels', 'positions', ...common, '--format', 'json')).toMatchObject([{ position: to }]);
    expect(await rows('channels', 'reset', ...common, 'printer.numbers', '--to', '1999-01-01', '--dry-run', '--format', 'json')).toMatchObject({ moves: [{ from: to, to: 0 }] });
    expect((await project.millrace([...operator, 'printer'])).out).toBe(Array.from({ length: 18 }, (_, n) => `got ${n + 2}\n`).join(''));
  });

  it('finds the last records before what was aborted', { timeout: WITH_PROCESSES }, async () => {
    const common = named();
    expect(await project.millrace(['operator', ...common, '--run-id', 'k', '--http', 'off', '--log-level', 'silent', 'counter'])).toMatchObject({ code: 0 });
    await abort(`${common[2]}.printer.numbers`, 50);
    const last = async (limit: number): Promise<readonly number[]> => (await project.millrace(['channels', 'peek', ...common, 'printer.numbers', '--last', '--limit', String(limit)])).out.trim().split('\n').map((line) => (JSON.parse(line) as { readonly value: { readonly n: number } }).value.n);
    expect(await last(2)).toEqual([18, 19]);
    expect(await last(30)).toEqual(Array.from({ length: 20 }, (_, n) => n));
  });

  it('sends dead letters back, once', { timeout: WITH_PROCESSES }, async () => {
    const common = [...named(), '--option', 'printer.ports.numbers.onError=deadLetter'];
    const child = project.start(['run', ...common, '--json', '--set', 'printer.failAt=7', '--set', 'counter.count=1000000']);
    await heard(child.stdout, (text) => text.includes('got 40\n'));
    child.kill('SIGINT');
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(130);
    const replay = (): Promise<unknown> => rows('channels', 'replay', ...common, 'printer.numbers.deadLetters', '--format', 'json');
    expect(await replay()).toMatchObject({ replayed: [{ letters: 1 }] });
    expect(await replay()).toMatchObject({ replayed: [] });
    const { out } = await project.millrace(['channels', 'peek', ...common, 'printer.numbers', '--last', '--limit', '3']);
    expect(out).toContain('{"n":7}');
  });

  it('finds a cluster well', { timeout: WITH_PROCESSES }, async () => {
    const { code, out } = await project.millrace(['doctor', location, '--write']);
    expect(out).toMatch(/^ok +broker .* reached in[^]*^ok +location kafka:[^]*^ok +permissions at kafka:/m);
    expect(code).toBe(0);
  });
});

/** Leaves a transaction at the end of a topic that came to nothing. */
async function abort(topic: string, count: number): Promise<void> {
  const producer = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING }).producer({ transactionalId: `aborted-${randomUUID()}`, maxInFlightRequests: 1, idempotent: true });
  await producer.connect();
  try {
    const transaction = await producer.transaction();
    await transaction.send({ topic, messages: Array.from({ length: count }, () => ({ value: 'lost' })) });
    await transaction.abort();
  } finally {
    await producer.disconnect();
  }
}
