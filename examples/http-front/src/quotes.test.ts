import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { ContainerModule, dropMemorySpace, orchestrate, type Run } from 'millrace';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Desk } from './desk.js';
import { Archive, PriceList } from './outside.js';
import { Quotes } from './quotes.js';
import type { Quote, Wish } from './records.js';
import { createFront } from './server.js';

const SPACE = 'http-front-test';

/** Prices that come when the test says so. */
class Held extends PriceList {
  #release!: () => void;
  readonly #open = new Promise<void>((resolve) => {
    this.#release = resolve;
  });
  asked = 0;

  override async of(item: string): Promise<number> {
    this.asked++;
    await this.#open;
    return 100 * item.length;
  }

  release(): void {
    this.#release();
  }
}

let closing: (() => Promise<void>)[];
beforeEach(() => {
  closing = [];
});
afterEach(async () => {
  for (const close of closing.reverse()) await close();
  dropMemorySpace(SPACE);
});

interface Front {
  readonly run: Run;
  readonly desk: Desk;
  readonly ask: (body: unknown) => Promise<Response>;
  readonly hangUp: () => Promise<void>;
}

async function start(kept: Quote[], prices: PriceList, options: { readonly limit: number; readonly location: string }): Promise<Front> {
  const desk = new Desk(options.limit);
  const services = new ContainerModule(({ bind }) => {
    bind(Desk).toConstantValue(desk);
    bind(PriceList).toConstantValue(prices);
    bind(Archive).toConstantValue({ keep: (quote) => void kept.push(quote) });
  });
  const run = await orchestrate(new Quotes('quotes'), { location: options.location, services, handleSignals: false });
  const server = createFront(desk);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/quotes`;
  const hangUp = async (): Promise<void> => {
    server.closeAllConnections();
    if (server.listening) await once(server.close(), 'close');
  };
  closing.push(hangUp, async () => void (await run.stop({ mode: 'now' })));
  const ask = (body: unknown): Promise<Response> => fetch(url, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) });
  return { run, desk, ask, hangUp };
}

const wishOf = (i: number): Wish => ({ item: 'x'.repeat(1 + (i % 9)), quantity: 1 + (i % 4) });
const centsOf = ({ item, quantity }: Wish): number => 100 * item.length * quantity;
const byId = (quotes: readonly Quote[]): Quote[] => quotes.toSorted((a, b) => a.id.localeCompare(b.id));

describe('the front', () => {
  it('lets so many wait, refuses the others, and answers each with its own quote', async () => {
    const kept: Quote[] = [];
    const prices = new Held();
    const { run, desk, ask } = await start(kept, prices, { limit: 10, location: `memory:${SPACE}` });
    const responses = Array.from({ length: 50 }, async (_, i) => [await ask(wishOf(i)), wishOf(i)] as const);
    const refused: Response[] = [];
    await new Promise<void>((resolve) => {
      for (const each of responses) void each.then(([response]) => response.status === 503 && refused.push(response) === 40 && resolve());
    });
    expect(desk.waiting).toBe(10);
    expect(refused[0]!.headers.get('retry-after')).toBe('1');
    prices.release();
    const answered: Quote[] = [];
    for (const [response, wish] of await Promise.all(responses)) {
      if (response.status === 503) continue;
      expect(response.status).toBe(200);
      const quote = (await response.json()) as Quote;
      expect(quote).toEqual({ ...wish, id: quote.id, cents: centsOf(wish) });
      answered.push(quote);
    }
    expect(answered.length).toBe(10);
    desk.close();
    expect((await run.completed).outcome).toBe('done');
    expect(byId(kept)).toEqual(byId(answered));
  });

  it('keeps no more than its limit over a flood, and every client who tries again gets an answer', async () => {
    const kept: Quote[] = [];
    let most = 0;
    let refused = 0;
    const prices = new (class extends PriceList {
      override async of(item: string): Promise<number> {
        most = Math.max(most, front.desk.waiting);
        await new Promise((resolve) => setImmediate(resolve));
        return 100 * item.length;
      }
    })();
    const front = await start(kept, prices, { limit: 8, location: `memory:${SPACE}?wire` });
    const client = async (first: number): Promise<Quote[]> => {
      const quotes: Quote[] = [];
      for (let i = first; quotes.length < 10; ) {
        const response = await front.ask(wishOf(i));
        const body = await response.json();
        if (response.status === 503) {
          refused++;
          await setTimeout(5);
          continue;
        }
        expect(body).toMatchObject({ ...wishOf(i), cents: centsOf(wishOf(i)) });
        quotes.push(body as Quote);
        i++;
      }
      return quotes;
    };
    const answered = (await Promise.all(Array.from({ length: 20 }, (_, i) => client(10 * i)))).flat();
    expect(most).toBeLessThanOrEqual(8);
    expect(refused).toBeGreaterThan(0);
    front.desk.close();
    await front.run.completed;
    expect(answered.length).toBe(200);
    expect(byId(kept)).toEqual(byId(answered));
  });

  it('keeps what it answered, and goes on with what it did not, when it is stopped in the middle', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-http-front-'));
    closing.push(async () => rmSync(folder, { recursive: true, force: true }));
    const options = { limit: 30, location: `local:${folder}` };
    const kept: Quote[] = [];
    const prices = new Held();
    const first = await start(kept, prices, options);
    const clients = Promise.allSettled(Array.from({ length: 30 }, async (_, i) => (await (await first.ask(wishOf(i))).json()) as Quote));
    while (prices.asked === 0 || first.desk.waiting < 30) await new Promise((resolve) => setImmediate(resolve));
    const stopped = first.run.stop({ mode: 'now' });
    prices.release();
    expect((await stopped).outcome).toBe('stopped');
    await first.hangUp();
    const answered = (await clients).flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    expect(answered.length).toBeLessThan(30);

    const second = await start(kept, prices, options);
    const late = (await (await second.ask(wishOf(0))).json()) as Quote;
    second.desk.close();
    expect((await second.run.completed).outcome).toBe('done');
    const ids = kept.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(expect.arrayContaining([...answered, late].map(({ id }) => id)));
    for (const quote of kept) expect(quote.cents).toBe(centsOf(quote));
  });

  it('gives who waits an answer before it drains', async () => {
    const prices = new Held();
    const { run, desk, ask } = await start([], prices, { limit: 10, location: `memory:${SPACE}` });
    const waiting = Array.from({ length: 5 }, (_, i) => ask(wishOf(i)));
    while (desk.waiting < 5) await new Promise((resolve) => setImmediate(resolve));
    const stopped = run.stop();
    while (!desk.isClosed) await new Promise((resolve) => setImmediate(resolve));
    expect((await ask(wishOf(9))).status).toBe(503);
    prices.release();
    expect((await stopped).outcome).toBe('drained');
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  });

  it.each([
    ['no JSON', 400, 'body: '],
    [{ item: 'pen', quantity: 0 }, 400, 'quantity: '],
    ['x'.repeat(20_000), 413, 'more than 10000 bytes'],
  ] as const)('says what is wrong with a request: %#', async (body, status, error) => {
    const { ask } = await start([], new PriceList(), { limit: 10, location: `memory:${SPACE}` });
    const response = await ask(body);
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({ error: expect.stringContaining(error) });
  });
});
