import { execFile, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compile, installPackages } from './installed.js';

/** A pipeline whose source counts up, whose work fails where it is told to, and whose sink prints. */
const COUNT = `
import { avro, input, InputPort, operator, Operator, output, OutputPort, Pipeline, state, type ParametersOf, type RecordOf } from 'millrace';
import { z } from 'zod';

export const Num = avro(z.object({ n: z.int() }).meta({ id: 'Num' }));
export type Num = RecordOf<typeof Num>;

@operator(import.meta, { description: 'Counts.' })
export class Counter extends Operator {
  static override readonly parameters = z.object({ count: z.int().positive(), label: z.string().default('n').describe('What is counted.'), token: z.string().default('s3cret').meta({ secret: true }) });
  declare readonly parameters: ParametersOf<typeof Counter>;
  @output(Num) declare readonly numbers: OutputPort<Num>;
  @state(z.object({ sent: z.int().default(0) })) declare progress: { sent: number };

  override async onRunning() {
    const size = Math.min(10, this.parameters.count - this.progress.sent);
    await this.numbers.send(Array.from({ length: size }, (_, i) => ({ n: this.progress.sent + i })));
    this.progress.sent += size;
    await new Promise((resolve) => setTimeout(resolve, 2));
    return this.progress.sent >= this.parameters.count;
  }
}

@operator(import.meta)
export class Printer extends Operator {
  static override readonly parameters = z.object({ failAt: z.int().default(-1), hangAt: z.int().default(-1) });
  declare readonly parameters: ParametersOf<typeof Printer>;
  @input(Num) declare readonly numbers: InputPort<Num>;

  override async onRunning() {
    for (const { n } of this.numbers.retrieve()) {
      if (n === this.parameters.failAt) throw new Error('no more');
      if (n === this.parameters.hangAt) await new Promise(() => {});
      console.log('got ' + n);
    }
  }
}

export class CountUp extends Pipeline {
  readonly counter = this.add(Counter, { count: 20 });
  readonly printer = this.add(Printer, {}, { stepTimeout: 500 });

  constructor(name: string) {
    super(name);
    this.printer.numbers.connect(this.counter.numbers);
  }
}
`;

const YAML = `millrace: 1
pipeline: from-yaml
operators:
  counter:
    class: ./count.js#Counter
    parameters: { count: '\${COUNT:-5}' }
  printer:
    class: ./count.js#Printer
    ports: { numbers: { connect: counter.numbers } }
`;

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A project of somebody who installed the packages, in a folder whose name has spaces. */
export class CommandProject {
  readonly folder = join(realpathSync(mkdtempSync(join(tmpdir(), 'millrace-command-'))), 'my project');
  readonly #children = new Set<ChildProcessWithoutNullStreams>();

  constructor() {
    mkdirSync(this.folder);
    installPackages(this.folder);
    this.write('tsconfig.json', '{ "compilerOptions": { "module": "NodeNext", "target": "ES2022", "experimentalDecorators": true } }');
    this.write('count.ts', COUNT);
    this.write('count.js', compile(COUNT));
    this.write('throws.js', 'const settings = undefined;\nexport const port = settings.port;\n');
    this.write('nothing.js', 'export const answer = 42;\n');
    this.write('count.yaml', YAML);
  }

  get command(): string {
    return join(this.folder, 'node_modules', 'millrace', 'dist', 'command', 'main.js');
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.folder, file), text);
  }

  /** Runs the command to its end. Its streams are no terminals. @param folder within that of the project */
  millrace(args: readonly string[], env: NodeJS.ProcessEnv = {}, folder = '.'): Promise<Ended> {
    return new Promise((resolve) => {
      execFile(process.execPath, [this.command, ...args], { cwd: join(this.folder, folder), env: { ...process.env, NO_COLOR: undefined, FORCE_COLOR: undefined, ...env }, timeout: 60_000 }, (error, out, err) => resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, out, err }));
    });
  }

  /** Starts the command. */
  start(args: readonly string[]): ChildProcessWithoutNullStreams {
    const child = spawn(process.execPath, [this.command, ...args], { cwd: this.folder });
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#children].map((child) => new Promise((resolve) => child.once('exit', resolve).kill('SIGKILL'))));
    rmSync(join(this.folder, '..'), { recursive: true, force: true });
  }
}

/** The whole text of a stream once it holds. */
export function heard(stream: NodeJS.ReadableStream, holds: (text: string) => boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (holds(text)) resolve(text);
    });
    stream.once('end', () => reject(new Error(`it ended with\n${text}`)));
  });
}
