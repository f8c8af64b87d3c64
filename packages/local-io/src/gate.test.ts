import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Gate } from './gate.js';

let folder: string;
const gates: Gate[] = [];

/** Another open file excludes as another process does. */
async function gate(): Promise<Gate> {
  const made = await Gate.at(folder);
  gates.push(made);
  return made;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-gate-'));
});
afterEach(async () => {
  await Promise.all(gates.splice(0).map((each) => each.close()));
  await rm(folder, { recursive: true });
});

describe('the gate of a folder', () => {
  it('lets all write at once', async () => {
    const [one, two] = [await gate(), await gate()];
    expect(one.enter()).toBeUndefined();
    expect(two.enter()).toBeUndefined();
    one.leave();
    two.leave();
  });

  it('has those who write wait for who opens', async () => {
    const [opener, writer] = [await gate(), await gate()];
    let entered: undefined | Promise<void>;
    let isIn = false;
    await opener.alone(async () => {
      entered = writer.enter();
      expect(entered).toBeInstanceOf(Promise);
      void entered?.then(() => (isIn = true));
      await new Promise((resolve) => setImmediate(resolve));
      expect(isIn).toBe(false);
    });
    await entered;
    writer.leave();
  });

  it('has who opens wait for those who write', async () => {
    const [opener, writer] = [await gate(), await gate()];
    expect(writer.enter()).toBeUndefined();
    const order: string[] = [];
    const opened = opener.alone(async () => void order.push('opened'));
    await new Promise((resolve) => setImmediate(resolve));
    order.push('left');
    writer.leave();
    await opened;
    expect(order).toEqual(['left', 'opened']);
  });

  it('lets the others go on where one that writes is halted and another wants to open', async () => {
    const [opener, halted, writer] = [await gate(), await gate(), await gate()];
    expect(halted.enter()).toBeUndefined();
    const opened = opener.alone(async () => 'opened');
    let waited = 0;
    // It waits in line now and then, and always gets through.
    while (waited < 3) {
      const entered = writer.enter();
      if (entered !== undefined) waited++;
      await entered;
      writer.leave();
      await new Promise((resolve) => setImmediate(resolve));
    }
    halted.leave();
    expect(await opened).toBe('opened');
  });

  it('is open again where opening fails', async () => {
    const [opener, writer] = [await gate(), await gate()];
    await expect(opener.alone(async () => Promise.reject(new Error('no room')))).rejects.toThrow('no room');
    expect(writer.enter()).toBeUndefined();
    writer.leave();
  });
});
