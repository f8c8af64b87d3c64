import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ContainerModule, dropMemorySpace, orchestrate, silentLogger, type Pipeline } from 'millrace';
import { afterAll, expect, it } from 'vitest';
import { Ledger } from './ledger.js';
import { madeUpOrder, Orders } from './orders.js';
import type { Order, Receipt } from './records.js';
import { lettersOf, Replay } from './replay.js';

const folder = mkdtempSync(join(tmpdir(), 'millrace-letters-'));
afterAll(() => {
  dropMemorySpace('letters-test');
  rmSync(folder, { recursive: true, force: true });
});

const RATES = { EUR: 1, USD: 0.92 };
const FIXED = { ...RATES, CHF: 1.05 };
const orders = Array.from({ length: 20 }, (_, i) => madeUpOrder(i));

function receiptsOf(rates: Readonly<Record<string, number>>, isMeant: (order: Order) => boolean): Receipt[] {
  return orders.filter(isMeant).map(({ id, customer, amount, currency }) => ({ order: id, customer, cents: Math.round(amount * rates[currency]!) }));
}

it.each(['memory:letters-test', `local:${folder}`])('orders are charged once each, those that wait for a fix by a replay: %s', async (location) => {
  const run = async (pipeline: Pipeline): Promise<{ receipts: Receipt[]; reopened: string[] }> => {
    const receipts: Receipt[] = [];
    const reopened: string[] = [];
    const services = new ContainerModule(({ bind }) => {
      bind(Ledger).toConstantValue({ enter: (receipt) => void receipts.push(receipt), reopen: ({ id }, cause) => void reopened.push(`${id}: ${cause}`) });
    });
    const { outcome } = await (await orchestrate(pipeline, { location, services, defaults: { delivery: 'exactly-once' }, logger: silentLogger, handleSignals: false })).completed;
    expect(outcome).toBe('done');
    return { receipts: receipts.toSorted((a, b) => Number(a.order.slice(6)) - Number(b.order.slice(6))), reopened };
  };

  expect(await run(new Orders('orders', RATES))).toEqual({ receipts: receiptsOf(FIXED, ({ currency }) => currency !== 'CHF'), reopened: [] });

  const waiting = orders.filter(({ currency }) => currency === 'CHF').map(({ id }) => `${id}: there is no rate for CHF`);
  expect(waiting.length).toBe(4);
  // Without the fix they become letters of the replay.
  const letters = lettersOf('orders', location, 'replay');
  const early = await run(new Replay('replay', letters, RATES));
  expect({ ...early, reopened: early.reopened.toSorted() }).toEqual({ receipts: [], reopened: waiting.toSorted() });
  expect(await run(new Replay('replay', letters, FIXED))).toEqual({ receipts: [], reopened: [] });

  const late = await run(new Replay('again', lettersOf('replay', location, 'again'), FIXED));
  expect({ ...late, reopened: late.reopened.toSorted() }).toEqual({ receipts: receiptsOf(FIXED, ({ currency }) => currency === 'CHF'), reopened: waiting.toSorted() });
});
