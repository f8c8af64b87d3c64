import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import type { PortMetrics, ReplicaMetrics, RunMetrics } from 'millrace';
import { expect, it } from 'vitest';
import { displayOn, liveLine, plainLine, stagesOf } from './progress.js';

function replica(operator: string, ports: readonly Partial<PortMetrics>[]): ReplicaMetrics {
  const port: PortMetrics = { port: 'p', records: 0, bytes: 0, batches: 0, skipped: 0, deadLettered: 0, tombstones: 0, dropped: 0, backPressureMs: 0, recordsPerSecond: 0, bytesPerSecond: 0, lag: undefined };
  return { replica: `flights.${operator}#0`, operator, stage: 'OperationRunning', steps: 0, stepMs: 0, commits: 0, retries: 0, msPerStep: 0, ports: ports.map((given) => ({ ...port, ...given })) };
}

const metrics: RunMetrics = {
  elapsedMs: 2_345,
  replicas: [
    replica('source', [{ records: 1_234_567, recordsPerSecond: 400_000 }]),
    replica('aggregator', [{ records: 600_000, recordsPerSecond: 200_000, lag: 1_500 }, { records: 99, recordsPerSecond: 9 }]),
    replica('aggregator', [{ records: 633_000, recordsPerSecond: 190_000, lag: 0 }]),
  ],
};

it('adds replicas up, and counts what an operator reads rather than what it sends', () => {
  expect(stagesOf(metrics)).toEqual([
    { name: 'source', records: 1_234_567, perSecond: 400_000, lag: undefined },
    { name: 'aggregator', records: 1_233_000, perSecond: 390_000, lag: 1_500 },
  ]);
});

it('has whole numbers in a plain line', () => {
  expect(plainLine(metrics)).toBe('2.3 s  source 1,234,567 (400,000/s)  aggregator 1,233,000 (390,000/s, lag 1,500)');
});

it('has short numbers in the live line, and no rates where they do not fit', () => {
  const full = '2.3 s  source 1.2M 400K/s  aggregator 1.2M 390K/s lag 1.5K';
  expect(stripVTControlCharacters(liveLine(metrics, full.length))).toBe(full);
  expect(stripVTControlCharacters(liveLine(metrics, full.length - 1))).toBe('2.3 s  source 1.2M  aggregator 1.2M lag 1.5K');
});

it('writes lines where there is no terminal', () => {
  const stream = new PassThrough();
  const display = displayOn(stream);
  display.show(metrics);
  display.note('a note');
  display.end();
  expect(String(stream.read())).toBe(`${plainLine(metrics)}\na note\n`);
});

it('wipes the live line of a terminal at the end and keeps notes', () => {
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 120 });
  const display = displayOn(stream);
  display.show(metrics);
  const live = String(stream.read());
  display.note('a note');
  display.show(metrics);
  display.end();
  expect(stripVTControlCharacters(live)).toContain(stripVTControlCharacters(liveLine(metrics, 120)));
  expect(stripVTControlCharacters(String(stream.read()))).toContain('a note\n');
});
