import { ownKafka } from '#kafka';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { startKafka, type KafkaCluster } from './cluster.js';
import { client, createTopic, leaderOf, read, send } from './fixtures.js';

const { describe } = await ownKafka();

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('a broker', () => {
  let cluster: KafkaCluster;
  beforeAll(async () => {
    cluster = await startKafka();
  });
  afterAll(() => cluster?.close());

  it('keeps its address and what it acknowledged over a kill and an orderly restart', async () => {
    const [broker] = cluster.brokers as [KafkaCluster['brokers'][0]];
    const kafka = client(cluster.bootstrap);
    await createTopic(kafka, 'kept');
    await send(kafka, 'kept', 'one');
    await broker.kill();
    expect(broker.pid).toBeUndefined();
    await expect(client(cluster.bootstrap, { retry: { retries: 0 } }).admin().connect()).rejects.toThrow('ECONNREFUSED');
    await broker.start();
    await send(kafka, 'kept', 'two');
    await broker.restart();
    expect(await read(kafka, 'kept', 2)).toEqual(['one', 'two']);
  });

  it('answers nothing while it is frozen, and goes on after', async () => {
    const [broker] = cluster.brokers as [KafkaCluster['brokers'][0]];
    const kafka = client(cluster.bootstrap);
    await createTopic(kafka, 'frozen');
    const pid = broker.pid;
    await broker.freeze();
    const impatient = client(cluster.bootstrap, { requestTimeout: 500, connectionTimeout: 500, retry: { retries: 0 } }).producer();
    await expect(impatient.connect()).rejects.toThrow(/timed out|timeout/i);
    await broker.thaw();
    await send(kafka, 'frozen', 'one');
    expect(broker.pid).toBe(pid);
    await impatient.disconnect();
  });
});

describe('a broker and its end', () => {
  it('dies with the process that started it, and its data with it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-orphan-'));
    const root = fileURLToPath(new URL('../../../../', import.meta.url));
    const script = `
      import { startKafka } from '@millrace/testing/kafka';
      const cluster = await startKafka({ folder: process.argv[1] });
      process.stdout.write(cluster.brokers[0].pid + '\\n');
    `;
    const parent = spawn(process.execPath, ['--import', 'tsx', '--input-type', 'module', '--eval', script, folder], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
    const pid = Number(String((await once(parent.stdout, 'data'))[0]));
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 20_000 });
    await vi.waitFor(() => expect(readdirSync(folder)).toEqual([]), { timeout: 20_000 });
    rmSync(folder, { recursive: true });
  });

  it('says why it does not start, and leaves nothing', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-failing-'));
    const failing = startKafka({ folder, config: { 'message.max.bytes': '-1' } });
    await expect(failing).rejects.toMatchObject({ code: 'MILLRACE_BROKER_UNAVAILABLE', message: expect.stringContaining('message.max.bytes') });
    expect(existsSync(folder) && readdirSync(folder)).toEqual([]);
    rmSync(folder, { recursive: true });
  });
});

describe('three brokers', () => {
  let cluster: KafkaCluster;
  beforeAll(async () => {
    cluster = await startKafka({ brokers: 3 });
  });
  afterAll(() => cluster?.close());

  it('elect a leader anew when it is killed, and lose nothing', async () => {
    const kafka = client(cluster.bootstrap);
    await createTopic(kafka, 'led', 3);
    await send(kafka, 'led', 'one');
    const first = await leaderOf(kafka, 'led');
    await cluster.brokers[first - 1]?.kill();
    await vi.waitFor(async () => expect([1, 2, 3].filter((node) => node !== first)).toContain(await leaderOf(kafka, 'led')), { timeout: 30_000, interval: 200 });
    await send(kafka, 'led', 'two');
    await cluster.brokers[first - 1]?.start();
    expect(await read(kafka, 'led', 2)).toEqual(['one', 'two']);
  });
});
