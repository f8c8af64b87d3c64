import type { Session } from './records.js';

/** Where sessions end up. */
export class Printer {
  print({ user, from, to, pages }: Session): void {
    console.log(`${user}: ${pages.length} clicks in ${to - from} ms: ${pages.join(' ')}`);
  }
}
