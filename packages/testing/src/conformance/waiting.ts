import { broken } from './check.js';

/** Waits that end: every one says what it waited for when its time is up. */
export class Waiting {
  /** @param timeout the longest wait in ms */
  constructor(readonly timeout: number) {}

  /** The outcome of a promise, or a failed case. */
  async within<T>(promise: Promise<T>, what: string): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(broken(`nothing came of it within ${this.timeout} ms: ${what}`)), this.timeout);
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Asks again and again until a condition is met: for what no promise or wake tells of. */
  async until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
    const end = performance.now() + this.timeout;
    while (!(await condition())) {
      if (performance.now() > end) throw broken(`not met within ${this.timeout} ms: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}
