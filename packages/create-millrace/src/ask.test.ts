import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as prompts from '@clack/prompts';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { argumentsOf } from './arguments.js';
import { asked, assumed } from './ask.js';
import { scratch } from './fixtures.js';

vi.mock('@clack/prompts', () => ({
  intro: vi.fn(),
  cancel: vi.fn(),
  log: { error: vi.fn() },
  text: vi.fn(),
  select: vi.fn(),
  isCancel: (answer: unknown) => answer === CALLED_OFF,
}));

const CALLED_OFF = Symbol('what clack gives for Ctrl-C');
const { text, select } = vi.mocked(prompts);

let place: ReturnType<typeof scratch>;
beforeEach(() => {
  place = scratch();
  vi.clearAllMocks();
});
afterEach(() => place.remove());

describe('at a terminal', () => {
  it('asks for what the arguments leave open, and again for a folder that cannot be used', async () => {
    mkdirSync(join(place.path, 'full'));
    writeFileSync(join(place.path, 'full/notes.txt'), 'mine');
    text.mockResolvedValueOnce(join(place.path, 'full')).mockResolvedValueOnce(join(place.path, 'new one'));
    select.mockResolvedValueOnce('backend');
    expect(await asked(argumentsOf(['--name', 'tape']))).toEqual({ folder: join(place.path, 'new one'), template: 'backend', name: 'tape' });
    expect(vi.mocked(prompts.log.error).mock.calls).toEqual([[expect.stringMatching(/full is not empty: it has notes\.txt/)]]);
  });

  it('asks for nothing that is given', async () => {
    text.mockResolvedValueOnce('orders');
    expect(await asked(argumentsOf(['-t', 'app']))).toMatchObject({ folder: 'orders', template: 'app' });
    expect(select).not.toHaveBeenCalled();
    select.mockResolvedValueOnce('app');
    expect(await asked(argumentsOf(['orders']))).toMatchObject({ folder: 'orders', template: 'app' });
    expect(text).toHaveBeenCalledTimes(1);
  });

  it('makes nothing where either question is called off', async () => {
    text.mockResolvedValueOnce(CALLED_OFF as never);
    expect(await asked(argumentsOf([]))).toBeUndefined();
    expect(select).not.toHaveBeenCalled();
    select.mockResolvedValueOnce(CALLED_OFF);
    expect(await asked(argumentsOf(['orders']))).toBeUndefined();
    expect(vi.mocked(prompts.cancel).mock.calls).toEqual([['Nothing was made.'], ['Nothing was made.']]);
  });
});

it('without a terminal takes the defaults', () => {
  expect(assumed(argumentsOf([]))).toEqual({ folder: 'my-pipeline', template: 'app', name: undefined });
});
