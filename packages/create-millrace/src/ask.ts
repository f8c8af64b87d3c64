import { cancel, intro, isCancel, log, select, text } from '@clack/prompts';
import { TEMPLATES, type Arguments, type Template } from './arguments.js';
import { folderProblem, type Project } from './create.js';

const DEFAULTS = { folder: 'my-pipeline', template: 'app' } as const;

/** What the arguments leave open, with defaults. */
export function assumed({ folder = DEFAULTS.folder, template = DEFAULTS.template, name }: Arguments): Project {
  return { folder, template, name };
}

/** What the arguments leave open, asked for at the terminal; undefined where the user called it off. */
export async function asked({ folder, template, name }: Arguments): Promise<Project | undefined> {
  intro('A project for Millrace');
  const where = folder ?? (await whereTo());
  const what = where === undefined ? undefined : (template ?? (await whichTemplate()));
  if (where !== undefined && what !== undefined) return { folder: where, template: what, name };
  cancel('Nothing was made.');
  return undefined;
}

async function whereTo(): Promise<string | undefined> {
  for (;;) {
    const answer = await text({ message: 'In which folder?', placeholder: DEFAULTS.folder, defaultValue: DEFAULTS.folder });
    if (isCancel(answer)) return undefined;
    const problem = await folderProblem(answer);
    if (problem === undefined) return answer;
    log.error(problem);
  }
}

async function whichTemplate(): Promise<Template | undefined> {
  const options = Object.entries(TEMPLATES).map(([value, hint]) => ({ value: value as Template, label: value, hint }));
  const answer = await select({ message: 'Which template?', options, initialValue: DEFAULTS.template });
  return isCancel(answer) ? undefined : answer;
}
