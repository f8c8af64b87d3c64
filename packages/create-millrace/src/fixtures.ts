import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
export const COMMAND = fileURLToPath(new URL('./main.ts', import.meta.url));
const MILLRACE = join(ROOT, 'packages/millrace/src/command/main.ts');
/** The tools of a project under test that loads the sources of the workspace, compared with what a user has, take some time. */
export const WITH_TOOLS = 120_000;

export interface Output {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A folder for a test, removed by the caller: with spaces and letters that a shell or a URL has to quote. */
export function scratch(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'create millrace é '));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Runs a program of Node.js as somebody would outside of any test. */
export function node(args: readonly string[], cwd: string, environment: NodeJS.ProcessEnv = {}): Promise<Output> {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(VITEST|NODE_ENV$|TEST$)/.test(key)));
  return new Promise((resolve) => {
    const child = execFile(process.execPath, args, { cwd, env: { ...inherited, ...environment } }, (error, out, err) => {
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, out, err });
    });
    child.stdin?.end();
  });
}

/** `npm create millrace`, from the sources. */
export function createMillrace(args: readonly string[], cwd: string): Promise<Output> {
  return node(['--import', join(ROOT, 'node_modules/tsx/dist/loader.mjs'), COMMAND, ...args], cwd);
}

/** A project that was made, with the packages of the workspace in the place of installed ones: their sources, so that nothing has to be built before. */
export class GeneratedProject {
  readonly #tsconfig: string;

  constructor(readonly folder: string) {
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    const { compilerOptions } = JSON.parse(readFileSync(join(ROOT, 'tsconfig.json'), 'utf8')) as { readonly compilerOptions: { readonly paths: Readonly<Record<string, readonly [string]>> } };
    const paths = Object.entries(compilerOptions.paths).map(([name, [source]]) => [name, join(ROOT, source)] as const);
    this.#tsconfig = join(folder, 'tsconfig.workspace.json');
    writeFileSync(this.#tsconfig, JSON.stringify({ extends: './tsconfig.json', compilerOptions: { paths: Object.fromEntries(paths.map(([name, source]) => [name, [source]])) } }));
    const alias = paths.map(([name, source]) => `{ find: /^${name.replaceAll('/', '\\/')}$/, replacement: ${JSON.stringify(source)} }`);
    writeFileSync(join(folder, 'vitest.workspace.config.js'), `export default { resolve: { alias: [${alias.join(', ')}] } };\n`);
  }

  /** `npm run typecheck`, of the project's own files: those of the workspace have their own. @returns what is wrong */
  typecheck(): readonly string[] {
    const fail = ({ messageText }: ts.Diagnostic): never => {
      throw new Error(ts.flattenDiagnosticMessageText(messageText, '\n'));
    };
    const config = ts.getParsedCommandLineOfConfigFile(this.#tsconfig, {}, { ...ts.sys, onUnRecoverableConfigFileDiagnostic: fail });
    if (config === undefined || config.fileNames.length === 0) throw new Error(`${this.#tsconfig} names no files`);
    const program = ts.createProgram(config.fileNames, config.options);
    const problems = [...config.errors, ...config.fileNames.flatMap((file) => ts.getPreEmitDiagnostics(program, program.getSourceFile(file)))];
    return problems.map(({ file, messageText }) => `${file?.fileName ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`);
  }

  /** `npm test`. */
  test(): Promise<Output> {
    return node([join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', '--config', 'vitest.workspace.config.js'], this.folder, { NO_COLOR: '1' });
  }

  /** A file of the project's, by tsx. */
  run(file: string, ...args: readonly string[]): Promise<Output> {
    return node(['--import', join(ROOT, 'node_modules/tsx/dist/loader.mjs'), file, ...args], this.folder, { TSX_TSCONFIG_PATH: this.#tsconfig });
  }

  /** `millrace` in the project's folder. */
  millrace(...args: readonly string[]): Promise<Output> {
    return this.run(MILLRACE, ...args);
  }
}
