import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OperatorHarness } from '@millrace/testing';
import { ContainerModule, dropMemorySpace, orchestrate } from 'millrace';
import { afterAll, describe, expect, it } from 'vitest';
import { Convert } from './convert.js';
import { paymentOf, ratesOf } from './made-up.js';
import { Payments } from './payments.js';
import { Printer } from './printer.js';
import type { Converted } from './records.js';

const folder = mkdtempSync(join(tmpdir(), 'millrace-payments-'));
afterAll(() => {
  dropMemorySpace('reference-data-test');
  rmSync(folder, { recursive: true, force: true });
});

/** What the i-th payment is worth. */
function worth(i: number): Converted {
  const { id, account, amount, currency } = paymentOf(i);
  return { id, account, cents: Math.round(amount * ratesOf(Math.floor(i / 5)).euro[currency]!) };
}

it.each(['memory:reference-data-test', `local:${folder}`])('every payment is converted once, by the rates of its day: %s', async (location) => {
  const printed: Converted[] = [];
  const services = new ContainerModule(({ bind }) => void bind(Printer).toConstantValue({ print: (payment) => void printed.push(payment) }));
  const run = await orchestrate(new Payments('payments'), { location, services, defaults: { delivery: 'exactly-once' }, handleSignals: false });
  expect((await run.completed).outcome).toBe('done');
  expect(printed.toSorted((a, b) => Number(a.id.slice(8)) - Number(b.id.slice(8)))).toEqual(Array.from({ length: 50 }, (_, i) => worth(i)));

  const converts = (await run.metrics()).replicas.filter(({ operator }) => operator === 'convert');
  const readBy = (port: string): number[] => converts.map(({ ports }) => ports.find((each) => each.port === port)!.records);
  expect(readBy('rates')).toEqual([10, 10, 10]);
  expect(readBy('payments').reduce((sum, records) => sum + records)).toBe(50);
  expect(Math.min(...readBy('payments'))).toBeGreaterThan(0);
});

describe('a payment', () => {
  it('waits for the rates of its day, also over a crash', async () => {
    const convert = await OperatorHarness.create(Convert, { delivery: 'exactly-once', partitions: { payments: 1 } });
    convert.input('rates').push([ratesOf(0)]);
    convert.input('payments').push([paymentOf(4), paymentOf(5), paymentOf(6), paymentOf(0)]);
    await convert.run();
    expect(convert.output('converted').take()).toEqual([worth(4)]);
    expect(convert.positions).toEqual({ rates: { 0: 1 }, payments: { 0: 1 } });
    await convert.crash();
    await convert.run();
    expect(convert.output('converted').take()).toEqual([]);
    convert.input('rates').push([ratesOf(1)]);
    await convert.run();
    expect(convert.output('converted').take()).toEqual([worth(5), worth(6), worth(0)]);
    expect(convert.positions).toEqual({ rates: { 0: 2 }, payments: { 0: 4 } });
    await convert.close();
  });

  it('fails the run when the rates of its day will not come', async () => {
    const convert = await OperatorHarness.create(Convert);
    convert.input('payments').push([paymentOf(5)]);
    convert.input('rates').push([ratesOf(0)]);
    convert.input('rates').end();
    await expect(convert.run()).rejects.toThrow('there are no rates for 2026-03-02');
    await convert.close();
  });
});
