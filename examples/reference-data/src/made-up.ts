import type { Payment, Rates } from './records.js';

const CURRENCIES = ['USD', 'CHF', 'EUR', 'GBP'];

const dayOf = (i: number): string => new Date(Date.UTC(2026, 2, 1 + i)).toISOString().slice(0, 10);

/** The rates of the i-th day. */
export function ratesOf(i: number): Rates {
  return { day: dayOf(i), euro: { EUR: 1, USD: 0.9 + i / 100, CHF: 1.05 - i / 200, GBP: 1.15 + (i % 3) / 100 } };
}

/** The i-th payment; there are five on each day. */
export function paymentOf(i: number): Payment {
  return { id: `payment-${i}`, account: `account-${i % 7}`, day: dayOf(Math.floor(i / 5)), amount: 1_000 + 91 * i, currency: CURRENCIES[i % CURRENCIES.length]! };
}
