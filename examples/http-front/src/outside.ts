import { setTimeout } from 'node:timers/promises';
import type { Quote } from './records.js';

/** Knows what things cost, after some thinking. */
export class PriceList {
  async of(item: string): Promise<number> {
    await setTimeout(20);
    return 100 * item.length;
  }
}

/** Where quotes are kept. */
export class Archive {
  keep({ item, quantity, cents }: Quote): void {
    console.log(`quoted ${quantity} × ${item}: ${(cents / 100).toFixed(2)} EUR`);
  }
}
