import { readFileSync } from 'node:fs';
import { ERROR_CODES } from 'millrace';
import { expect, it } from 'vitest';

it('errors.md has every code with what it says, and no other', () => {
  const rows = readFileSync(new URL('errors.md', import.meta.url), 'utf8').matchAll(/^\| `(MILLRACE_\w+)` \| (.+?) \| .+ \|$/gm);
  const documented = [...rows].map(([, code, says]) => `${code}: ${says}`).sort();
  expect(documented).toEqual(Object.entries(ERROR_CODES).map(([code, says]) => `${code}: ${says}`).sort());
});
