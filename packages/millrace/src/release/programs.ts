import { execFile } from 'node:child_process';

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a program to its end as somebody would outside of any test. @param cwd absolute */
export function run([program, ...args]: readonly [string, ...string[]], cwd: string, environment: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(?:VITEST|NODE_ENV$|NODE_OPTIONS$|NODE_V8_COVERAGE$|TEST$|CI$|npm_(?!config_|execpath))/.test(key)));
  return new Promise((resolve) => {
    const child = execFile(program, args, { cwd, maxBuffer: 64 * 1024 * 1024, env: { ...inherited, NO_COLOR: '1', ...environment } }, (error, out, err) => {
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, out, err: error !== null && typeof error.code !== 'number' ? `${error.message}\n${err}` : err });
    });
    child.stdin?.end();
  });
}

/** What ended well. @throws Error with all that it said */
export function done(ended: Ended): Ended {
  if (ended.code !== 0) throw new Error(`it ended with ${ended.code}\n${ended.out}\n${ended.err}`);
  return ended;
}
