import { Command, InvalidArgumentError, Option } from 'commander';
import { createRequire } from 'node:module';
import type { ListFlags } from './channels/list.js';
import type { PeekFlags } from './channels/peek.js';
import type { ReplayFlags } from './channels/replay.js';
import type { ResetFlags } from './channels/reset.js';
import type { DescribeFlags } from './describe.js';
import type { DoctorFlags } from './doctor/doctor.js';
import type { OperatorFlags } from './operator/operator.js';
import type { PlanFlags } from './plan.js';
import type { RunCommandFlags } from './run.js';
import { colorsOf, type Streams } from './terminal.js';

const MODES = ['Standard', 'WithoutResourceDeletion', 'ResourceCreationOnly', 'ResourceDeletionOnly', 'Skip'];
const { version } = createRequire(import.meta.url)('../../package.json') as { readonly version: string };

/** The command line. What a command takes is loaded when it is called. */
export function createProgram(streams: Streams, done: (exitCode: number) => void): Command {
  const { out, err } = streams;
  const program = new Command('millrace')
    .description('Runs and looks into pipelines of Millrace.')
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => out.write(text),
      writeErr: (text) => err.write(text),
      outputError: (text, write) => write(`${colorsOf(err).red('error')} ${text.replace(/^error: /, '')}`),
    });

  runFlags(pipelineFlags(program.command('run').description('runs a pipeline until it is done').argument(...FILE)), 'text', 'warn')
    .addOption(onlyOption('runs'))
    .addOption(new Option('--json', 'progress, log, end and errors as lines of JSON').implies({ logFormat: 'json' }))
    .option('-q, --quiet', 'no progress')
    .action(async (file: string, flags: RunCommandFlags) => done(await (await import('./run.js')).run(file, flags, streams)));

  pipelineFlags(program.command('plan').description('shows what a pipeline would run, and what is wrong with it').argument(...FILE))
    .addOption(onlyOption('plans'))
    .addOption(new Option('--format <format>', 'how').choices(['text', 'json', 'mermaid']).default('text'))
    .action(async (file: string, flags: PlanFlags) => done(await (await import('./plan.js')).plan(file, flags, streams)));

  program.command('describe').description('shows parameters, ports and schemas of operators').argument('<file>', 'a module that exports operators, or one of them as file#Class')
    .addOption(new Option('--format <format>', 'how').choices(['text', 'json']).default('text'))
    .option('--verbose', 'errors with their stacks')
    .action(async (file: string, flags: DescribeFlags) => done(await (await import('./describe.js')).describe(file, flags, streams)));

  runFlags(pipelineFlags(program.command('operator').description('runs some operators or replicas of a pipeline, as a container does, with health and metrics over HTTP').argument(...FILE)), 'json', 'info')
    .argument('[replicas...]', 'operators or replicas, as in reader writer#2 (env: MILLRACE_ONLY)')
    .addOption(new Option('--http <address>', 'port or host:port of /health/live, /health/ready and /metrics, or off').env('MILLRACE_HTTP').default('8080'))
    .action(async (file: string, replicas: readonly string[], flags: OperatorFlags) => done(await (await import('./operator/operator.js')).operator(file, replicas.length > 0 ? replicas : list(process.env['MILLRACE_ONLY'] ?? ''), flags, streams)));

  channelCommands(program.command('channels').description('looks into the channels of a pipeline'), streams, done);

  program.command('doctor').description('looks at this machine, and at locations that are named').argument('[locations...]', 'as in local:./data or kafka://broker:9092')
    .option('--write', 'makes a channel at each location, writes, reads and deletes it, to see what is permitted')
    .option('--backend <file>', 'module whose default export is a backend; may be given again', collect)
    .addOption(new Option('--format <format>', 'how').choices(['text', 'json']).default('text'))
    .option('--verbose', 'errors with their stacks')
    .action(async (locations: readonly string[], flags: DoctorFlags) => done(await (await import('./doctor/doctor.js')).doctor(locations, flags, streams)));

  program.command('explain').description('says what an error means and what to do about it').argument('[code]', 'as in MILLRACE_STEP_FAILED; without it, all codes are listed')
    .action(async (code: string | undefined) => done((await import('./explain/explain.js')).explain(code, streams)));

  return program;
}

const FILE = ['<file>', 'a module that exports a pipeline (or file#Export), or a description in YAML or JSON'] as const;

function channelCommands(channels: Command, streams: Streams, done: (exitCode: number) => void): void {
  const views = { list: 'shows channels, their records and lag', lag: 'shows how far behind each group is', positions: 'shows where each group stands, by partition' } as const;
  for (const view of ['list', 'lag', 'positions'] as const) {
    pipelineFlags(channels.command(view).description(views[view]).argument(...FILE))
      .addOption(new Option('--format <format>', 'how').choices(['text', 'json']).default('text'))
      .action(async (file: string, flags: ListFlags) => done(await (await import('./channels/list.js')).listChannels(view, file, flags, streams)));
  }
  pipelineFlags(channels.command('peek').description('prints decoded records as lines of JSON; moves no position').argument(...FILE))
    .argument('[channel]', 'as in reader.greetings; without it, all are named')
    .addOption(new Option('--partition <number>', 'only this one').argParser(natural))
    .addOption(new Option('--offset <number>', 'from this offset on; default: the first one').argParser(natural).conflicts('last'))
    .option('--last', 'the last records of each partition')
    .addOption(new Option('--limit <number>', 'how many').argParser(natural).default(10))
    .action(async (file: string, channel: string | undefined, flags: PeekFlags) => done(await (await import('./channels/peek.js')).peek(file, channel, flags, streams)));
  pipelineFlags(channels.command('reset').description('moves the positions of those who read a channel, while the pipeline does not run').argument(...FILE))
    .argument('[channel]', 'as in reader.greetings; without it, all are named')
    .requiredOption('--to <place>', 'earliest, latest, an offset, or a time as in 2026-05-04T12:00:00Z')
    .addOption(new Option('--partition <number>', 'only this one').argParser(natural))
    .option('--dry-run', 'shows what would move')
    .addOption(new Option('--format <format>', 'how').choices(['text', 'json']).default('text'))
    .action(async (file: string, channel: string | undefined, flags: ResetFlags) => done(await (await import('./channels/reset.js')).reset(file, channel, flags, streams)));
  pipelineFlags(channels.command('replay').description('sends dead letters back into the channel that they came from').argument(...FILE))
    .argument('[channel]', 'as in reader.greetings.deadLetters; without it, all channels are named')
    .option('--dry-run', 'shows what would go back')
    .addOption(new Option('--format <format>', 'how').choices(['text', 'json']).default('text'))
    .action(async (file: string, channel: string | undefined, flags: ReplayFlags) => done(await (await import('./channels/replay.js')).replay(file, channel, flags, streams)));
}

/** Flags of all commands that plan a pipeline. */
function pipelineFlags(command: Command): Command {
  return command
    .addOption(new Option('-l, --location <location>', 'where channels, positions and state are: memory:, local:./data, kafka://broker:9092').env('MILLRACE_LOCATION'))
    .option('--name <name>', 'of a pipeline that is exported as a class')
    .option('--services <file>', 'module that binds what operators ask for')
    .option('--backend <file>', 'module whose default export is a backend; may be given again', collect)
    .option('--set <operator.parameter=value>', 'a parameter; may be given again', collect)
    .option('--option <operator.option=value>', 'an option of add, as in reader.replicas=3; may be given again', collect)
    .option('--default <option=value>', 'an option for every operator, as in delivery=exactly-once; may be given again', collect)
    .option('--var <name=value>', 'a variable of a description; may be given again', collect)
    .addOption(new Option('--run-id <id>', 'starts with one id share a run').env('MILLRACE_RUN_ID'))
    .option('--verbose', 'errors with their stacks');
}

/** Flags of all that run one. */
function runFlags(command: Command, logFormat: string, logLevel: string): Command {
  return command
    .option('--fresh', 'deletes what earlier runs left, unread records too')
    .addOption(new Option('--mode <mode>', 'which stages run').choices(MODES))
    .addOption(new Option('--grace <ms>', 'how long a drain may take, and after that a hook').argParser(milliseconds).env('MILLRACE_GRACE'))
    .addOption(new Option('--log-level <level>', 'what is logged').choices(['debug', 'info', 'warn', 'error', 'silent']).env('MILLRACE_LOG_LEVEL').default(logLevel))
    .addOption(new Option('--log-format <format>', 'lines for people, or JSON').choices(['text', 'json']).env('MILLRACE_LOG_FORMAT').default(logFormat));
}

function onlyOption(does: string): Option {
  return new Option('--only <replicas>', `${does} these operators or replicas alone, as in reader,writer#2; needs --run-id`).argParser(list);
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

function list(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...value.split(',').map((name) => name.trim()).filter((name) => name !== '')];
}

function natural(value: string): number {
  if (!/^\d{1,15}$/.test(value)) throw new InvalidArgumentError('It must be a whole number, 0 or more.');
  return Number(value);
}

function milliseconds(value: string): number {
  const number = Number(value);
  if (value.trim() === '' || !Number.isFinite(number) || number < 0) throw new InvalidArgumentError('It must be a number of milliseconds.');
  return number;
}
