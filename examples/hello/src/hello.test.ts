import { dropMemorySpace } from 'millrace';
import { afterEach, expect, it, vi } from 'vitest';

afterEach(() => dropMemorySpace());

it('prints every greeting once', async () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  await import('./main.js');
  expect(log.mock.calls.map(([line]) => line as string).sort()).toEqual(Array.from({ length: 30 }, (_, i) => `hello ${i}`).sort());
});
