import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { done, run } from './programs.js';

/** What a Dockerfile makes of a project. */
export interface Image {
  /** What is in its working folder. */
  readonly folder: string;
  /** Who its program runs as. */
  readonly user: string | undefined;
  /** Its program with arguments, which is no shell's child and so gets the signals. */
  readonly command: readonly string[];
}

/**
 * Takes the steps of the project's Dockerfile that need no Docker: what stages copy and run in their working folder. What the last
 * one runs is about the image's own folders and users, and is left out.
 * @param folder a new one beside the project, as its lockfile may name files against it
 */
export async function buildImage(project: string, folder: string): Promise<Image> {
  const lines = readFileSync(join(project, 'Dockerfile'), 'utf8').split('\n').filter((line) => line !== '');
  const ignored = new Set(readFileSync(join(project, '.dockerignore'), 'utf8').trim().split('\n'));
  const stages: string[] = [];
  const last = lines.filter((line) => line.startsWith('FROM ')).length;
  let user: string | undefined;
  let entry: readonly string[] = [];
  let rest: readonly string[] = [];
  for (const line of lines) {
    const [, instruction, text = ''] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    const here = stages.at(-1) ?? '';
    if (instruction === 'FROM') {
      stages.push(`${folder} ${stages.length}`);
      mkdirSync(stages.at(-1)!);
    } else if (instruction === 'COPY') copy(text, text.startsWith('--from=') ? stages[0]! : project, here, ignored);
    else if (instruction === 'RUN' && stages.length < last) done(await run(['sh', '-c', text], here, { npm_config_prefer_offline: 'true' }));
    else if (instruction === 'USER') user = text;
    else if (instruction === 'ENTRYPOINT') entry = JSON.parse(text) as readonly string[];
    else if (instruction === 'CMD') rest = JSON.parse(text) as readonly string[];
    else if (!['RUN', 'WORKDIR', 'ENV', 'VOLUME'].includes(instruction ?? '')) throw new Error(`no step of a Dockerfile that is known here: ${line}`);
  }
  return { folder: stages.at(-1)!, user, command: [...entry, ...rest] };
}

/** `[--from=stage] source… target`, within working folders that are called `/app`. */
function copy(text: string, from: string, to: string, ignored: ReadonlySet<string>): void {
  const paths = text.split(' ').filter((path) => !path.startsWith('--')).map((path) => path.replace(/^\/app\//, ''));
  const target = resolve(to, paths.pop()!);
  for (const source of paths.map((path) => resolve(from, path))) {
    const isWhole = source === from;
    cpSync(source, target === to && !isWhole ? join(target, basename(source)) : target, { recursive: true, verbatimSymlinks: true, filter: (path) => !(isWhole && dirname(path) === source && ignored.has(basename(path))) });
  }
}
