import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const PACKAGES = ['core', 'orchestrator', 'local-io', 'kafka-io', 'millrace'];
const { compilerOptions } = ts.parseConfigFileTextToJson('tsconfig.base.json', readFileSync(join(ROOT, 'tsconfig.base.json'), 'utf8')).config as { readonly compilerOptions: object };
const options = ts.convertCompilerOptionsFromJson({ ...compilerOptions, module: 'ESNext', moduleResolution: 'Bundler', sourceMap: false, declaration: false, declarationMap: false }, ROOT).options;

/** TypeScript as tsc would write it. */
export function compile(text: string): string {
  return ts.transpileModule(text, { compilerOptions: options }).outputText;
}

/** Makes a folder a project of ES modules that has the packages installed, compiled, and beside them what they depend on. */
export function installPackages(folder: string): void {
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, '@millrace'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  for (const name of readdirSync(join(ROOT, 'node_modules'))) if (name !== '@millrace' && name !== 'millrace') symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  for (const name of PACKAGES) {
    const source = join(ROOT, 'packages', name, 'src');
    const target = join(modules, ...(name === 'millrace' ? ['millrace'] : ['@millrace', name]));
    for (const file of sourcesOf(source)) {
      const to = join(target, 'dist', relative(source, file).replace(/\.ts$/, '.js'));
      mkdirSync(dirname(to), { recursive: true });
      writeFileSync(to, compile(readFileSync(file, 'utf8')));
    }
    // Versions that differ from those at the root.
    const nested = join(ROOT, 'packages', name, 'node_modules');
    if (existsSync(nested)) symlinkSync(nested, join(target, 'node_modules'));
    writeFileSync(join(target, 'package.json'), readFileSync(join(ROOT, 'packages', name, 'package.json')));
  }
}

function sourcesOf(source: string): readonly string[] {
  return readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts') && !/\.test(-d)?\.ts$|^placement\/(?:.*int|fixtures|installed|command-project)/.test(file)).map((file) => join(source, file));
}
