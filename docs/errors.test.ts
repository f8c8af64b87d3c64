import { readFileSync } from 'node:fs';
import { ERROR_CODES, MillraceError, type ErrorCode } from 'millrace';
import { expect, it } from 'vitest';

const page = readFileSync(new URL('errors.md', import.meta.url), 'utf8');

it('errors.md has every code with what it says, and no other', () => {
  const rows = page.matchAll(/^\| <a id="\w+"><\/a>`(MILLRACE_\w+)` \| (.+?) \| .+ \|$/gm);
  const documented = [...rows].map(([, code, says]) => `${code}: ${says}`).sort();
  expect(documented).toEqual(Object.entries(ERROR_CODES).map(([code, says]) => `${code}: ${says}`).sort());
});

it('an error links to the row of its code', () => {
  for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) {
    const [file, anchor] = new MillraceError(code, 'it failed').docs.split('#');
    expect(file).toBe('docs/errors.md');
    expect(page).toContain(`| <a id="${anchor}"></a>\`${code}\` |`);
  }
});
