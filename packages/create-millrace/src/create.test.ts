import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { command } from './command.js';
import { create, version } from './create.js';
import { createMillrace, scratch } from './fixtures.js';
import { nameOf, nameProblem, schemeOf } from './names.js';

let place: ReturnType<typeof scratch>;
beforeEach(() => {
  place = scratch();
});
afterEach(() => place.remove());

/** The command without a terminal, in this process. */
async function run(...argv: readonly string[]) {
  let [out, err] = ['', ''];
  const code = await command(argv, { out: (text) => void (out += text), err: (text) => void (err += text), interactive: false });
  return { code, out, err };
}

describe('what is made', () => {
  it.each(['app', 'backend'] as const)('%s: every placeholder is filled in, and the versions are those of this release', async (template) => {
    const { folder, files } = await create({ folder: join(place.path, 'orders'), template });
    const written = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath.slice(folder.length + 1), entry.name));
    expect(written.sort()).toEqual(files);
    for (const file of files) expect(readFileSync(join(folder, file), 'utf8'), file).not.toMatch(/\{\{|skeleton/i);
    const { dependencies, devDependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, Record<string, string>>;
    const ours = Object.entries({ ...dependencies, ...devDependencies }).filter(([name]) => /^(@millrace\/|millrace$)/.test(name));
    expect(ours.length).toBeGreaterThan(0);
    expect(new Set(ours.map(([, range]) => range))).toEqual(new Set([`^${await version()}`]));
  });

  it.each(['app', 'backend'])('%s: tools and libraries are those that this repository is tested with', (template) => {
    const manifest = (path: string) => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as Record<string, Record<string, string> | undefined>;
    const known = Object.assign({}, ...['../../..', '../../millrace', '../../core'].flatMap((folder) => [manifest(`${folder}/package.json`)['dependencies'], manifest(`${folder}/package.json`)['devDependencies']])) as Record<string, string>;
    const { dependencies, devDependencies } = manifest(`../templates/${template}/_package.json`);
    const theirs = Object.entries({ ...dependencies, ...devDependencies }).filter(([name]) => !/^(@millrace\/|millrace$)/.test(name));
    expect(Object.fromEntries(theirs)).toEqual(Object.fromEntries(theirs.map(([name]) => [name, known[name]])));
  });

  it('has the name that was asked for', async () => {
    await create({ folder: join(place.path, 'x'), template: 'app', name: '@acme/orders' });
    expect(readFileSync(join(place.path, 'x/README.md'), 'utf8')).toMatch(/^# @acme\/orders\n/);
  });

  it('goes into a folder that is empty but for its repository', async () => {
    mkdirSync(join(place.path, 'here/.git'), { recursive: true });
    expect((await create({ folder: join(place.path, 'here'), template: 'app' })).files).toContain('pipeline.yaml');
  });
});

describe('the command', () => {
  it('asks nothing where nobody is there to answer', async () => {
    const { code, out, err } = await createMillrace([], place.path);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/Made my-pipeline in .*\n[^]*cd my-pipeline\n {2}npm install\n {2}npm test\n {2}npm start\n/);
    expect(readdirSync(place.path)).toEqual(['my-pipeline']);
  });

  it('shows how to enter a folder with a space in its name', async () => {
    expect((await createMillrace(['my orders', '--yes'], place.path)).out).toContain('  cd "my orders"\n');
  });

  it('has help and a version', async () => {
    expect(await run('--help')).toMatchObject({ code: 0, out: expect.stringContaining('--template backend') });
    expect(await run('-v')).toEqual({ code: 0, out: `${await version()}\n`, err: '' });
  });

  it.each([
    [['a', 'b'], /one folder .* quotes/],
    [['a', '--template', 'pap'], /no template "pap"; there are app and backend/],
    [['a', '--templat', 'app'], /--templat.*--help/],
    [['a', '--name', 'Big Orders'], /"Big Orders" is no name for a package/],
    [['a', '--name', 'fs'], /taken/],
    [['a', '--name', '../up'], /is no name/],
    [['\u001b[2Jclear'], /is no name for a folder/],
    [['-y', '...'], /"" is no name for a package: it is empty; --name/],
    [['kafka', '-t', 'backend'], /the scheme kafka:, which Millrace has already; --name/],
  ])('refuses %j, and writes nothing', async (argv, message) => {
    const before = process.cwd();
    process.chdir(place.path);
    try {
      const { code, out, err } = await run(...argv);
      expect({ code, out }).toEqual({ code: 2, out: '' });
      expect(err).toMatch(message);
      expect(err.trim().split('\n')).toHaveLength(1);
      expect(readdirSync(place.path)).toEqual([]);
    } finally {
      process.chdir(before);
    }
  });

  it('refuses a folder that is not empty, a file, and what lies below one', async () => {
    mkdirSync(join(place.path, 'full'));
    writeFileSync(join(place.path, 'full/notes.txt'), 'mine');
    for (const [folder, message] of [['full', /not empty: it has notes\.txt/], ['full/notes.txt', /not a folder/], ['full/notes.txt/below', /not a folder/]] as const) {
      const { code, err } = await run(join(place.path, folder));
      expect({ code, matches: message.test(err) }).toEqual({ code: 2, matches: true });
    }
    expect(readdirSync(join(place.path, 'full'))).toEqual(['notes.txt']);
    expect(readFileSync(join(place.path, 'full/notes.txt'), 'utf8')).toBe('mine');
  });
});

it('makes names of folders', () => {
  expect(['My Orders', '.hidden', 'Größe 1!', '@acme', 'a_b.c'].map(nameOf)).toEqual(['my-orders', 'hidden', 'gr-e-1', 'acme', 'a_b.c']);
});

it('knows names that npm refuses', () => {
  expect(['orders', '@acme/orders', 'a.b-c_d', '0'].map(nameProblem)).toEqual([undefined, undefined, undefined, undefined]);
  for (const name of ['', '.a', '_a', 'A', 'a b', 'a/b', '@a', '@a/', '@/b', '@a/b/c', 'a\nb', 'x'.repeat(215), 'node_modules', 'http', 'millrace']) expect(nameProblem(name), name).toBeTypeOf('string');
});

it('makes schemes of names', () => {
  expect(['my-files', '@acme/s3.io', '3d-files'].map(schemeOf)).toEqual(['myfiles', 's3io', 'dfiles']);
  expect(() => schemeOf('123')).toThrow('no scheme');
});

it('has templates in its own folder only', () => {
  expect(readdirSync(fileURLToPath(new URL('../templates', import.meta.url))).sort()).toEqual(['app', 'backend']);
});
