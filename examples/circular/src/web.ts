import { setTimeout } from 'node:timers/promises';

/** A made-up web of 200 pages, each of which leads to three others. */
export class Web {
  async linksOf(url: string): Promise<readonly string[]> {
    await setTimeout(5);
    const n = Number(url.slice('/page/'.length));
    return [2 * n + 1, 3 * n + 2, n + 7].map((link) => `/page/${link % 200}`);
  }
}

/** Where pages end up. */
export class Printer {
  print(depth: number, url: string): void {
    console.log(`${'  '.repeat(depth)}${url}`);
  }
}
