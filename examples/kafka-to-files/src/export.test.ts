import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OperatorHarness } from '@millrace/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { JsonlFiles, type Order } from './export.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-export-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const orders = (from: number, to: number): Order[] => Array.from({ length: to - from }, (_, i) => ({ id: `o${from + i}`, customer: 'ann', cents: from + i }));
const files = (): Record<string, string[]> => Object.fromEntries(readdirSync(folder).sort().map((name) => [name, readFileSync(join(folder, name), 'utf8').trim().split('\n').map((line) => (JSON.parse(line) as Order).id)]));
const create = (): Promise<OperatorHarness<JsonlFiles>> => OperatorHarness.create(JsonlFiles, { parameters: { folder, records: 3 }, partitions: { orders: 2 } });

it('writes full files, named by partition and first offset, and commits up to their ends', async () => {
  const exporter = await create();
  exporter.input('orders').push(orders(0, 7), { partition: 0 });
  exporter.input('orders').push(orders(7, 9), { partition: 1 });
  await exporter.run();
  expect(files()).toEqual({ '0-000000000000.jsonl': ['o0', 'o1', 'o2'], '0-000000000003.jsonl': ['o3', 'o4', 'o5'] });
  expect(exporter.positions).toEqual({ orders: { 0: 6 } });
  await exporter.close();
});

it('writes the same files again after a crash that came between a file and its commit', async () => {
  const exporter = await create();
  exporter.input('orders').push(orders(0, 4), { partition: 0 });
  await exporter.step();
  const before = files();
  expect(before).toEqual({ '0-000000000000.jsonl': ['o0', 'o1', 'o2'] });
  await exporter.crash();
  expect(exporter.positions).toEqual({});
  exporter.input('orders').push(orders(4, 6), { partition: 0 });
  await exporter.run();
  expect(files()).toEqual({ ...before, '0-000000000003.jsonl': ['o3', 'o4', 'o5'] });
  await exporter.close();
});

it('writes the rest at the end of a job, and not when it is stopped', async () => {
  const exporter = await create();
  exporter.input('orders').push(orders(0, 4), { partition: 1 });
  await exporter.run();
  await exporter.stop();
  expect(Object.keys(files())).toEqual(['1-000000000000.jsonl']);
  await exporter.restart();
  exporter.input('orders').end();
  await exporter.run();
  expect(files()).toEqual({ '1-000000000000.jsonl': ['o0', 'o1', 'o2'], '1-000000000003.jsonl': ['o3'] });
  expect(exporter.commits.at(-1)).toMatchObject({ done: true, positions: { orders: { 1: 4 } } });
  await exporter.close();
});
