import { beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../clock/index.js';
import { Signal, Wake } from './signal.js';
import { StepScope } from './step.js';

let signal: Signal;
let step: StepScope;
beforeEach(() => {
  signal = new Signal(systemClock);
  step = new StepScope(signal);
  step.begin();
});

/** A send that waits, with its ends in hand. */
function pending(): { readonly sent: Promise<void>; resolve(): void; reject(error: unknown): void } {
  let ends: { resolve: () => void; reject: (error: unknown) => void } | undefined;
  const sent = step.track(new Promise<void>((resolve, reject) => {
    ends = { resolve, reject };
  }));
  return { sent, resolve: () => ends?.resolve(), reject: (error) => ends?.reject(error) };
}

describe('what a step sends', () => {
  it('keeps the step from ending until there is room, awaited or not', async () => {
    const send = pending();
    expect([step.isUnsettled, step.waitsForRoom]).toEqual([true, true]);
    let settled = false;
    const end = step.settle().then(() => (settled = true));
    await Promise.resolve();
    expect(settled).toBe(false);
    send.resolve();
    await end;
    expect([step.isUnsettled, step.waitsForRoom]).toEqual([false, false]);
  });

  it('fails the step where nobody awaited it', async () => {
    const send = pending();
    send.reject(new Error('full'));
    await expect(step.settle()).rejects.toThrow('full');
    expect(step.isUnsettled).toBe(false);
  });

  it('does not where the operator awaited it and caught the error', async () => {
    const send = pending();
    const caught = send.sent.catch((error: unknown) => error);
    send.reject(new Error('full'));
    expect(await caught).toEqual(new Error('full'));
    await step.settle();
  });

  it('does not where the operator awaits it late, after it has failed', async () => {
    const send = pending();
    send.reject(new Error('full'));
    await new Promise((resolve) => setImmediate(resolve));
    await expect(send.sent).rejects.toThrow('full');
    await step.settle();
  });

  it.each(['all', 'allSettled', 'race', 'any'] as const)('counts as awaited in Promise.%s', async (combine) => {
    const send = pending();
    const combined: Promise<unknown> = (Promise[combine] as (promises: readonly Promise<void>[]) => Promise<unknown>).call(Promise, [send.sent]);
    send.reject(new Error('full'));
    await combined.catch(() => undefined);
    await step.settle();
  });

  it('may fail with something that is no error', async () => {
    pending().reject(undefined);
    await expect(step.settle()).rejects.toMatchObject({ code: 'MILLRACE_NOT_AN_ERROR' });
  });

  it('outside a step has nobody to fail but the replica, which it wakes', async () => {
    step.active = false;
    pending().reject(new Error('lost'));
    expect(await signal.wait()).toBe(Wake.Data);
    expect(step.stray).toEqual(new Error('lost'));
    await step.settle();
  });

  it('outside a step is the business of who awaits it', async () => {
    step.active = false;
    const send = pending();
    send.reject(new Error('lost'));
    await expect(send.sent).rejects.toThrow('lost');
    expect(step.stray).toBeUndefined();
  });
});

describe('an error that the operator must not swallow', () => {
  it('fails the step', async () => {
    step.refuse(new Error('undecodable'));
    expect(step.isUnsettled).toBe(true);
    await expect(step.settle()).rejects.toThrow('undecodable');
  });
});

describe('records in hand', () => {
  it('are those of the step', () => {
    step.hand('a', 0, 7, 1);
    expect(step.single).toEqual({ port: 'a', partition: 0, offset: 7 });
    step.hand('a', 1, 3, 2);
    expect([step.single, step.ports, step.retrieved]).toEqual([undefined, ['a'], 3]);
    step.turn();
    expect([step.single, step.ports, step.retrieved]).toEqual([undefined, [], 0]);
  });

  it('with loops are those whose loop has not asked for more', () => {
    step.hand('a', 0, 7, 1);
    step.hand('b', 0, 9, 1);
    expect(step.single).toBeUndefined();
    step.release('a');
    expect(step.single).toEqual({ port: 'b', partition: 0, offset: 9 });
    step.hand('a', 0, 8, 1);
    expect(step.ports).toEqual(['a', 'b']);
  });

  it('between two turns are those of the turn that ends: what it sent may fail yet', () => {
    step.hand('a', 0, 7, 1);
    step.release('a');
    expect(step.single).toEqual({ port: 'a', partition: 0, offset: 7 });
  });

  it('are none where nothing was handed out', () => {
    step.release('a');
    expect([step.single, step.ports]).toEqual([undefined, []]);
  });
});
