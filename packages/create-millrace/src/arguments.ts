import { parseArgs } from 'node:util';

export const TEMPLATES = {
  app: 'operators, a pipeline and a test',
  backend: 'channels over something of your own, held to the conformance suite',
} as const;

export type Template = keyof typeof TEMPLATES;

/** What the command line says; what is undefined may be asked for. */
export interface Arguments {
  readonly folder: string | undefined;
  readonly template: Template | undefined;
  readonly name: string | undefined;
  readonly yes: boolean;
  readonly help: boolean;
  readonly version: boolean;
}

/** What is wrong with what the user gave: told in a line, without a stack. */
export class UserError extends Error {
  override readonly name = 'UserError';
}

export const HELP = `Usage: npm create millrace [folder] -- [options]

Makes a project in TypeScript in a new or empty folder.

  --template app      ${TEMPLATES.app} (default)
  --template backend  ${TEMPLATES.backend}
  --name NAME         name of the package; default: made from the folder's
  -y, --yes           ask nothing: what is not given takes its default
  -h, --help          this text
  -v, --version       the version, which is the one of millrace that the project uses

Without a terminal nothing is asked.
`;

/** @throws UserError */
export function argumentsOf(argv: readonly string[]): Arguments {
  const { values, positionals } = parsed(argv);
  const [folder, ...more] = positionals;
  if (more.length > 0) throw new UserError(`one folder can be made at a time, not ${positionals.map((each) => JSON.stringify(each)).join(' and ')}; put a path with spaces in quotes`);
  return { folder, template: values.template === undefined ? undefined : templateOf(values.template), name: values.name, yes: values.yes, help: values.help, version: values.version };
}

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        template: { type: 'string', short: 't' },
        name: { type: 'string' },
        yes: { type: 'boolean', short: 'y', default: false },
        help: { type: 'boolean', short: 'h', default: false },
        version: { type: 'boolean', short: 'v', default: false },
      },
    });
  } catch (error) {
    throw new UserError(`${(error as Error).message}; --help shows what there is`);
  }
}

function templateOf(text: string): Template {
  if (Object.hasOwn(TEMPLATES, text)) return text as Template;
  throw new UserError(`there is no template ${JSON.stringify(text)}; there are ${Object.keys(TEMPLATES).join(' and ')}`);
}
