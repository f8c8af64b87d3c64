import { relative } from 'node:path';
import { argumentsOf, HELP, UserError } from './arguments.js';
import { asked, assumed } from './ask.js';
import { create, version, type Created } from './create.js';

export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Whether somebody is there to answer. */
  readonly interactive: boolean;
}

/** `npm create millrace`. @returns the exit code: 0 made, 1 called off or failed, 2 for arguments that cannot be followed */
export async function command(argv: readonly string[], { out, err, interactive }: Terminal): Promise<number> {
  try {
    const given = argumentsOf(argv);
    if (given.help) {
      out(HELP);
      return 0;
    }
    if (given.version) {
      out(`${await version()}\n`);
      return 0;
    }
    const complete = given.folder !== undefined && given.template !== undefined;
    const project = interactive && !given.yes && !complete ? await asked(given) : assumed(given);
    if (project === undefined) return 1;
    out(nextSteps(await create(project)));
    return 0;
  } catch (error) {
    if (error instanceof UserError) {
      err(`create-millrace: ${error.message}\n`);
      return 2;
    }
    err(`create-millrace: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    return 1;
  }
}

function nextSteps({ folder, name, files }: Created): string {
  const path = relative(process.cwd(), folder);
  const enter = path === '' ? [] : [`  cd ${/^[\w./\\@-]+$/.test(path) ? path : JSON.stringify(path)}`];
  const start = files.includes('pipeline.yaml') ? ['  npm start'] : [];
  return [`Made ${name} in ${folder}. Next:`, '', ...enter, '  npm install', '  npm test', ...start, '', 'README.md says what is where.', ''].join('\n');
}
