import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { EXIT } from '../failure.js';
import { colorsOf, columns, type Streams } from '../terminal.js';
import { checkBackends, checkClock, checkNode, checkTypeScript, type Finding } from './checks.js';
import { checkLocation } from './location.js';

export interface DoctorFlags {
  readonly backend?: readonly string[];
  readonly write?: boolean;
  readonly format: 'text' | 'json';
}

/** `millrace doctor`: looks at this machine, and at the locations that are named. Fails where a check did. */
export async function doctor(locations: readonly string[], { backend = [], write = false, format }: DoctorFlags, { out }: Streams): Promise<number> {
  const backends = backend.map((file) => pathToFileURL(resolve(file)));
  const findings: readonly Finding[] = [
    checkNode(), checkTypeScript(), checkClock(),
    ...(await checkBackends()),
    ...(await Promise.all(locations.map((location) => checkLocation(location, backends, write)))).flat(),
  ];
  if (format === 'json') out.write(`${JSON.stringify(findings, undefined, 2)}\n`);
  else out.write(`${textOf(findings, colorsOf(out)).join('\n')}\n`);
  return findings.some(({ status }) => status === 'failed') ? EXIT.failed : EXIT.done;
}

function textOf(findings: readonly Finding[], colors: ReturnType<typeof colorsOf>): readonly string[] {
  const marks = { ok: colors.green, warning: colors.yellow, failed: colors.red };
  const lines = columns(findings.map(({ status, check, found }) => [status, check, found]));
  return findings.flatMap(({ status, remedy }, index) => [lines[index]!.replace(status, marks[status](status)), ...(remedy === undefined ? [] : [colors.dim(`         ${remedy}`)])]);
}
