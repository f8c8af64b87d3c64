import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, extname, resolve } from 'node:path';
import { MillraceError, nearest } from '@millrace/core';

/** What `file#Name` names. */
export interface Target {
  /** Absolute. */
  readonly file: string;
  /** The export, where one is named. */
  readonly name: string | undefined;
}

/**
 * Takes `file#Name` apart; a path may have a `#` of its own.
 * @throws MillraceError `MILLRACE_MODULE_FAILED` where there is no such file
 */
export function targetOf(text: string): Target {
  const whole = resolve(text);
  if (isFile(whole)) return { file: whole, name: undefined };
  const at = text.lastIndexOf('#');
  const file = at < 0 ? whole : resolve(text.slice(0, at));
  if (at >= 0 && isFile(file)) return { file, name: text.slice(at + 1) };
  if (existsSync(file)) throw new MillraceError('MILLRACE_MODULE_FAILED', `${file} is a folder; name a file in it`);
  const folder = dirname(file);
  const near = existsSync(folder) ? nearest(basename(file), readdirSync(folder)) : undefined;
  throw new MillraceError('MILLRACE_MODULE_FAILED', `there is no file ${file}${near === undefined ? '' : `; did you mean ${near}?`}`);
}

/** Whether a file is a pipeline in YAML or JSON, going by its name. */
export function isDescription(file: string): boolean {
  return /^\.(ya?ml|json)$/i.test(extname(file));
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
