import type { Converted } from './records.js';

/** Where payments end up. */
export class Printer {
  print({ id, account, cents }: Converted): void {
    console.log(`${id} of ${account}: ${(cents / 100).toFixed(2)} EUR`);
  }
}
