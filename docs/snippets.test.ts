import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

/*
 * The TypeScript in README.md and in the guides is compiled and executed.
 *
 * A page's `ts` blocks are put together into a file, in their order; `<!-- file: x.ts -->` begins another one, which the others
 * import as `./x.js`; a `yaml` block under such a line is a file too. `<!-- file: x.ts from path/y.ts -->` is a file of the repository. A `text` block says what the file above prints. Blocks keep their line numbers, so that an error names
 * the line of the page. A file named `.test.ts` is for a test runner, and compiled only.
 */

const root = fileURLToPath(new URL('..', import.meta.url));
/** Ignored by git and by every other tool; below docs, so that packages are found from there; of this run alone. */
const work = join(root, `docs/dist/snippets-${process.pid}`);
const tsconfig = join(work, 'tsconfig.json');

interface Snippet {
  readonly page: string;
  readonly name: string;
  readonly path: string;
  code: string;
  output: string | undefined;
}

function snippetsOf(page: string): readonly Snippet[] {
  const text = readFileSync(join(root, page), 'utf8');
  const files = new Map<string, Snippet>();
  let name = 'page.ts';
  for (const match of text.matchAll(/^<!-- file: (\S+)(?: from (\S+))? -->$|^```(\w+)\n(.*?)^```$/gms)) {
    const [, file, from, language, content = ''] = match;
    if (file !== undefined) name = file;
    if (from !== undefined) files.set(name, { page, name, path: join(work, page.replace(/\.md$/, ''), name), code: readFileSync(join(root, from), 'utf8'), output: undefined });
    if (language === 'ts' || (language === 'yaml' && name.endsWith('.yaml'))) {
      const snippet = files.get(name) ?? { page, name, path: join(work, page.replace(/\.md$/, ''), name), code: '', output: undefined };
      snippet.code += '\n'.repeat(linesOf(text.slice(0, match.index)) + 1 - linesOf(snippet.code)) + content;
      files.set(name, snippet);
    }
    if (language === 'text') {
      const snippet = files.get(name);
      if (snippet === undefined) throw new Error(`${page}: a text block says what code above it prints, but there is none`);
      snippet.output = (snippet.output ?? '') + content;
    }
  }
  return [...files.values()];
}

function linesOf(text: string): number {
  return text.split('\n').length - 1;
}

const pages = ['README.md', 'packages/testing/README.md', ...readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md')).map((name) => join('docs', name))];
const snippets = pages.flatMap(snippetsOf);

beforeAll(() => {
  mkdirSync(work, { recursive: true });
  writeFileSync(tsconfig, JSON.stringify({ extends: join(root, 'tsconfig.json'), include: ['.'], exclude: [] }));
  for (const { path, code } of snippets) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, code);
  }
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

it('snippets compile', { timeout: 120_000 }, () => {
  const config = ts.getParsedCommandLineOfConfigFile(tsconfig, {}, { ...ts.sys, onUnRecoverableConfigFileDiagnostic: (diagnostic) => expect.fail(String(diagnostic.messageText)) })!;
  const program = ts.createProgram(config.fileNames, config.options);
  const problems = snippets.filter(({ name }) => name.endsWith('.ts')).flatMap(({ page, path }) =>
    ts.getPreEmitDiagnostics(program, program.getSourceFile(path)).map(({ file, start, messageText }) => `${page}:${ts.getLineAndCharacterOfPosition(file!, start!).line + 1} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`));
  expect(problems).toEqual([]);
});

for (const page of new Set(snippets.map((snippet) => snippet.page))) {
  describe(page, () => {
    it.each(snippets.filter(({ page: of, name }) => of === page && name.endsWith('.ts') && !name.endsWith('.test.ts')))('$name runs', async ({ path, output }) => {
      const log = vi.spyOn(console, 'log').mockImplementation(() => {});
      await import(pathToFileURL(path).href);
      if (output !== undefined) expect(log.mock.calls.map((line) => `${line.join(' ')}\n`).join('')).toBe(output);
    });
  });
}
