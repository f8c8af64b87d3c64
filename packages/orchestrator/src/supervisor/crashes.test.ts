import { dropMemorySpace, memoryBackend, type InputPlan, type Transport } from '@millrace/core';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Crashes } from './crashes.js';

let transport: Transport;
beforeEach(async () => {
  transport = await memoryBackend.connect('memory:crashes');
});
afterEach(async () => {
  await transport.close();
  dropMemorySpace('crashes');
});

const input = (name: string, options: Partial<InputPlan>): InputPlan => ({ name, onError: 'fail', retries: 0, ...options }) as InputPlan;
const crashesOf = (...inputs: readonly InputPlan[]): Crashes => new Crashes('p.work#0', inputs, transport.control('p'));
const record = { port: 'numbers', partition: 1, offset: 7 };
const error = new Error('was ended by SIGABRT');

it('a replica comes back with a replay after its first crash, and a record is given up after three with it in hand', async () => {
  const crashes = crashesOf(input('numbers', { onError: 'skip' }));
  expect(crashes.poisons).toBeUndefined();
  await crashes.note(undefined, error);
  for (let i = 0; i < 2; i++) {
    expect(crashes.poisons).toEqual([]);
    await crashes.note(record, error);
  }
  await crashes.note({ ...record, offset: 8 }, error);
  expect(crashes.poisons).toEqual([]);
  await crashes.note(record, error);
  expect(crashes.poisons).toEqual([{ record, policy: 'skip', attempts: 3, message: expect.stringContaining('was ended by SIGABRT') }]);
});

it('more retries mean more crashes, and then the end where the policy is to fail', async () => {
  const crashes = crashesOf(input('numbers', { retries: 3 }));
  for (let i = 0; i < 3; i++) await crashes.note(record, error);
  expect(crashes.poisons).toEqual([]);
  await expect(crashes.note(record, error)).rejects.toMatchObject({ code: 'MILLRACE_STEP_FAILED', operator: 'p.work#0', ...record, cause: error });
});

it('the next start knows of them until the replica has ended well', async () => {
  const earlier = crashesOf(input('numbers', { onError: 'deadLetter' }));
  for (let i = 0; i < 3; i++) await earlier.note(record, error);
  const later = crashesOf(input('numbers', { onError: 'deadLetter' }));
  await later.load();
  expect(later.poisons).toMatchObject([{ record, policy: 'deadLetter', attempts: 3 }]);
  await later.forget();
  const last = crashesOf(input('numbers', { onError: 'deadLetter' }));
  await last.load();
  expect(last.poisons).toBeUndefined();
});

it('where every record that fails fails the run, a replay would only cost time', async () => {
  const crashes = crashesOf(input('numbers', {}));
  for (let i = 0; i < 5; i++) await crashes.note(record, error);
  expect(crashes.poisons).toBeUndefined();
});
