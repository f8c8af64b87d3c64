import { createServer, type AddressInfo } from 'node:net';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CommandProject, heard } from '../placement/command-project.js';

/** Each runs a process or some, seconds of work on a busy machine. */
const WITH_PROCESSES = 120_000;

let project: CommandProject;
beforeAll(() => {
  project = new CommandProject();
}, WITH_PROCESSES);
afterAll(() => project.close());

const printed = (count: number): string => Array.from({ length: count }, (_, n) => `got ${n}\n`).join('');

const jsonLines = (text: string): readonly unknown[] => text.trim().split('\n').map((line) => JSON.parse(line) as unknown);

describe('millrace run', { timeout: WITH_PROCESSES }, () => {
  it('runs a pipeline of a module; stdout is the operators’ alone', async () => {
    const { code, out, err } = await project.millrace(['run', 'count.js']);
    expect({ code, out }).toEqual({ code: 0, out: printed(20) });
    expect(err).toMatch(/^\d+\.\d s {2}counter 20 \(\d+\/s, closed\) {2}printer 20 \(.*closed\)\ndone\n$/m);
  });

  it('reads TypeScript by the project’s tsx, and sets parameters and options', async () => {
    const { code, out, err } = await project.millrace(['run', 'count.ts#CountUp', '--quiet', '--set', 'counter.count=3', '--set', 'counter.label=7', '--default', 'commitInterval=10']);
    expect({ code, out, err }).toEqual({ code: 0, out: printed(3), err: '' });
  });

  it('runs a description in YAML with variables', async () => {
    expect(await project.millrace(['run', 'count.yaml', '--quiet', '--var', 'COUNT=4'])).toEqual({ code: 0, out: printed(4), err: '' });
  });

  it('tells progress and end as lines of JSON', async () => {
    const { code, err } = await project.millrace(['run', 'count.js', '--json']);
    const lines = jsonLines(err);
    expect(code).toBe(0);
    expect(lines.at(-2)).toMatchObject({ event: 'progress', operators: [{ operator: 'counter', records: 20, stage: 'closed' }, { operator: 'printer', records: 20, restarts: 0 }] });
    expect(lines.at(-1)).toEqual({ event: 'end', outcome: 'done', exitCode: 0 });
  });

  it('fails with the exit code of the stage, and tells the error once, without a stack unless asked', async () => {
    const { code, err } = await project.millrace(['run', 'count.js', '--set', 'printer.failAt=5']);
    expect(code).toBe(115);
    expect(err.match(/MILLRACE_STEP_FAILED: /g)).toHaveLength(1);
    expect(err).toMatch(/^error MILLRACE_STEP_FAILED: .*no more\n {2}at operator count-up\.printer#0\n {2}at .*my project\/count\.js:\d+:\d+\n {2}millrace explain MILLRACE_STEP_FAILED says what to do$/m);
    expect(err).not.toMatch(/^\s+at .*runtime/m);
    expect((await project.millrace(['run', 'count.js', '--set', 'printer.failAt=5', '--verbose'])).err).toMatch(/^\s+at .*runtime/m);
  });

  it('drains at the first signal, and goes on from there the next time', async () => {
    const args = ['run', 'count.js', '--set', 'counter.count=3000', '--location', 'local:./drained'];
    const child = project.start(args);
    const lines: string[] = [];
    child.stdout.on('data', (chunk: Buffer) => lines.push(...chunk.toString().trim().split('\n')));
    const err = heard(child.stderr, (text) => text.includes('drained; '));
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    await heard(child.stdout, (text) => text.includes('got 50\n'));
    child.kill('SIGINT');
    expect(await err).toMatch(/Finishing what was read; once more stops at once\.\n[^]*drained; the next start on local:\S*.*drained goes on from here/);
    expect(await ended).toBe(130);
    const { code, out } = await project.millrace([...args, '--quiet']);
    expect(code).toBe(0);
    expect([...lines, ...out.trim().split('\n')]).toEqual(Array.from({ length: 3_000 }, (_, n) => `got ${n}`));
  });

  it('promises nothing of a location that ends with its process', async () => {
    const child = project.start(['run', 'count.js', '--set', 'counter.count=1000000', '--location', 'memory:']);
    const err = heard(child.stderr, (text) => /^drained; .*\n/m.test(text));
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    await heard(child.stdout, (text) => text.includes('got 10\n'));
    child.kill('SIGTERM');
    expect(await err).toMatch(/^drained; memory: keeps nothing for the next start$/m);
    expect(await ended).toBe(130);
  });
});

describe('what is wrong is told once, with a way out', { timeout: WITH_PROCESSES }, () => {
  it.each<readonly [args: readonly string[], code: number, err: RegExp]>([
    [['rnu'], 2, /^error unknown command 'rnu'\n\(Did you mean run\?\)\n$/],
    [['run', 'count.js', '--locaton', 'memory:'], 2, /^error unknown option '--locaton'\n\(Did you mean --location\?\)\n$/],
    [['run'], 2, /^error missing required argument 'file'\n$/],
    [['run', 'count.js', '--grace', 'soon'], 2, /must be a number of milliseconds/],
    [['run', 'cuont.js'], 1, /^error MILLRACE_MODULE_FAILED: there is no file .*my project\/cuont\.js; did you mean count\.[jt]s\?\n {2}millrace explain MILLRACE_MODULE_FAILED says what to do\n$/],
    [['run', '.'], 1, /is a folder; name a file in it/],
    [['run', 'count.js#CountDown'], 1, /does not export CountDown; (did you mean|#CountUp would be)/],
    [['run', 'count.js#Counter'], 1, /Counter of .* is not a pipeline; #CountUp would be/],
    [['run', 'nothing.js'], 1, /does not export a pipeline; it exports answer/],
    [['run', 'throws.js'], 1, /throws\.js cannot be loaded: Cannot read properties of undefined \(reading 'port'\)\n {2}at .*my project\/throws\.js:2:\d+\n/],
    [['run', 'count.js', '--set', 'countre.count=1'], 1, /has no operator countre; did you mean counter\?/],
    [['run', 'count.js', '--set', 'counter.count'], 1, /--set counter\.count: must be name=value/],
    [['run', 'count.js', '--set', 'counter.count=-1'], 1, /MILLRACE_PLAN_INVALID: .*1 problem:\n.*counter.*count/],
    [['run', 'count.js', '--var', 'A=1'], 1, /--var is for the templates/],
    [['run', 'count.js', '--location', 'redis://x'], 1, /MILLRACE_BACKEND_UNKNOWN/],
    [['operator', 'count.js', '--http', 'off', '--log-format', 'text'], 1, /^error MILLRACE_COMMAND_INVALID: name the operators or replicas to run/],
    [['describe', 'count.yaml'], 1, /^error MILLRACE_COMMAND_INVALID: .*my project\/count\.yaml describes a pipeline, not operators; .*file#Class; millrace plan shows the pipeline/],
    [['channels', 'peek', 'count.js', '--location', 'local:./unnamed'], 1, /name a channel of count-up; it has count-up\.printer\.numbers$/m],
    [['channels', 'list', 'count.js'], 1, /memory: is there within its own process only; name the location/],
  ])('millrace %j', async (args, code, err) => {
    const ended = await project.millrace(args);
    expect(ended).toMatchObject({ code, out: '' });
    expect(ended.err).toMatch(err);
    expect(ended.err.match(/^error/gm)).toHaveLength(1);
  });

  it.each<readonly [body: string, code: string, line: number]>([
    ["export class Wrong extends Pipeline {\n  printer = this.add(Printer);\n  constructor(name) {\n    super(name);\n    this.printer.number.connect(this.printer);\n  }\n}\n", 'MILLRACE_PORT_UNKNOWN', 7],
    ["export const pipeline = new Pipeline('wrong');\npipeline.add(Printer).number.connect();\n", 'MILLRACE_PORT_UNKNOWN', 4],
    ["class Bare extends Operator {}\nnew Pipeline('wrong').add(Bare);\n", 'MILLRACE_NOT_AN_OPERATOR', 4],
  ])('an error of Millrace in a module is told as it is, with the place that it was thrown at: %j', async (body, code, line) => {
    mkdirSync(join(project.folder, 'packages/app/src'), { recursive: true });
    project.write('packages/app/src/wrong.js', `import { Operator, Pipeline } from 'millrace';\nimport { Printer } from '../../../count.js';\n${body}`);
    const { err } = await project.millrace(['run', 'packages/app/src/wrong.js']);
    expect(err).toMatch(new RegExp(`^error ${code}: .*\\n(?:  at operator .*\\n)?  at .*my project/packages/app/src/wrong\\.js:${line}:\\d+\\n  .*\\n$`));
    const json = await project.millrace(['run', 'packages/app/src/wrong.js', '--json']);
    expect(jsonLines(json.err)).toMatchObject([{ code, at: expect.stringMatching(new RegExp(`wrong\\.js:${line}:\\d+$`)) as string }]);
  });

  it('is told as a line of JSON to who asked for JSON: a failed run, after the lines of its log', async () => {
    const { code, err } = await project.millrace(['run', 'count.js', '--json', '--set', 'printer.failAt=5']);
    const lines = jsonLines(err);
    expect(code).toBe(115);
    expect(lines.at(-1)).toEqual({
      event: 'error', code: 'MILLRACE_STEP_FAILED', message: expect.stringMatching(/^MILLRACE_STEP_FAILED: .*no more$/) as string, operator: 'count-up.printer#0',
      causes: [{ message: 'no more', at: expect.stringMatching(/my project\/count\.js:\d+:\d+$/) as string }],
      docs: 'docs/errors.md#millrace_step_failed', exitCode: 115,
    });
    expect(lines).toContainEqual(expect.objectContaining({ level: 'error', pipeline: 'count-up' }));
  });

  it.each<readonly [args: readonly string[], line: object]>([
    [['run', 'count.js', '--json', '--quiet', '--set', 'counter.count=-1', '--set', 'printer.failAt=x'], { code: 'MILLRACE_PLAN_INVALID', problems: [{ code: 'MILLRACE_PARAMETER_INVALID', severity: 'error', where: 'count-up.counter.count' }, { where: 'count-up.printer.failAt' }] }],
    [['run', 'wrong.yaml', '--json'], { code: 'MILLRACE_SPEC_INVALID', problems: [{ code: 'MILLRACE_PORT_UNKNOWN', place: { line: 6, column: 14 } }, { code: 'MILLRACE_CONNECTION_INVALID', place: { line: 6, column: 33 } }] }],
    [['run', 'throws.js', '--json'], { code: 'MILLRACE_MODULE_FAILED', causes: [{ message: expect.stringContaining('reading \'port\''), at: expect.stringMatching(/throws\.js:2:\d+$/) }] }],
    [['plan', 'throws.js', '--format', 'json'], { code: 'MILLRACE_MODULE_FAILED' }],
    [['describe', 'cuont.js', '--format', 'json', '--verbose'], { code: 'MILLRACE_MODULE_FAILED', stacks: [expect.stringMatching(/^MillraceError: .*\n\s+at /)] }],
    [['channels', 'lag', 'count.js', '--format', 'json'], { code: 'MILLRACE_COMMAND_INVALID' }],
    [['operator', 'throws.js', 'printer', '--log-level', 'silent'], { code: 'MILLRACE_MODULE_FAILED' }],
  ])('is told as a line of JSON to who asked for JSON: millrace %j', async (args, line) => {
    project.write('wrong.yaml', 'millrace: 1\npipeline: wrong\noperators:\n  printer:\n    class: ./count.js#Printer\n    ports: { number: { connect: counter.numbers } }\n');
    const { code, out, err } = await project.millrace(args);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(jsonLines(err)).toEqual([expect.objectContaining({ event: 'error', exitCode: 1 })]);
    expect(jsonLines(err)[0]).toMatchObject(line);
  });

  it('explains a code', async () => {
    expect(await project.millrace(['explain', 'MILLRACE_STOPPED'])).toEqual({ code: 0, out: 'MILLRACE_STOPPED: the run was stopped\nNothing: the run was asked to stop.\n', err: '' });
    expect(await project.millrace(['explain', 'MILLRACE_STOPED'])).toMatchObject({ code: 1, out: '', err: expect.stringContaining('did you mean MILLRACE_STOPPED?') as string });
  });

  it('leaves a project that has its own copy to that one', async () => {
    const copy = 'other/node_modules/millrace';
    mkdirSync(join(project.folder, copy), { recursive: true });
    project.write(`${copy}/package.json`, '{ "name": "millrace", "type": "module", "bin": { "millrace": "own.js" } }');
    project.write(`${copy}/own.js`, "console.log('own copy:', ...process.argv.slice(2));");
    expect(await project.millrace(['run', 'it'], {}, 'other')).toEqual({ code: 0, out: 'own copy: run it\n', err: '' });
  });

  it('colours follow NO_COLOR and FORCE_COLOR', async () => {
    expect((await project.millrace(['run', '.'])).err).not.toContain('\u001b');
    expect((await project.millrace(['run', '.'], { FORCE_COLOR: '1' })).err).toContain('\u001b[31merror');
    expect((await project.millrace(['run', '.'], { FORCE_COLOR: '1', NO_COLOR: '1' })).err).not.toContain('\u001b');
  });
});

describe('millrace plan and describe', { timeout: WITH_PROCESSES }, () => {
  it('shows a plan as text, JSON and Mermaid', async () => {
    const { code, out, err } = await project.millrace(['plan', 'count.js']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^pipeline count-up at memory: [^]*count-up\.printer\.numbers +1 +counter\.numbers[^]*no problems\n$/);
    expect(out).not.toContain('s3cret');
    expect(JSON.parse((await project.millrace(['plan', 'count.js', '--format', 'json', '--option', 'printer.replicas=3', '--name', 'other'])).out)).toMatchObject({ pipeline: 'other', operators: [{ name: 'counter', replicas: 1 }, { name: 'printer', replicas: 3 }] });
    expect((await project.millrace(['plan', 'count.js', '--format', 'mermaid'])).out).toMatch(/^flowchart LR\n/);
  });

  it('a plan with errors is shown, and fails', async () => {
    const args = ['plan', 'count.js', '--set', 'counter.count=none'];
    const { code, out } = await project.millrace(args);
    expect(code).toBe(1);
    expect(out).toMatch(/^error: count-up\.counter.*MILLRACE_PARAMETER_INVALID/m);
    const json = await project.millrace([...args, '--format', 'json']);
    const problems = [{ code: 'MILLRACE_PARAMETER_INVALID', where: 'count-up.counter.count' }];
    expect(json.code).toBe(1);
    expect(JSON.parse(json.out)).toMatchObject({ pipeline: 'count-up', problems });
    expect(jsonLines(json.err)).toMatchObject([{ event: 'error', code: 'MILLRACE_PLAN_INVALID', problems, exitCode: 1 }]);
  });

  it('describes operators without their secrets', async () => {
    const { code, out } = await project.millrace(['describe', 'count.js#Counter']);
    expect(code).toBe(0);
    expect(out).toMatch(/^operator Counter of file:[^]*Counts\.[^]*count +integer +required[^]*label +string +default "n" +What is counted\.[^]*outputs\n {2}numbers +Num +avro +[0-9a-f]{16} +\{ n: \w+ \}[^]*progress +per replica\n$/);
    expect(out).not.toContain('s3cret');
    const all = JSON.parse((await project.millrace(['describe', 'count.js', '--format', 'json'])).out) as readonly { readonly name: string }[];
    expect(all.map(({ name }) => name)).toEqual(['Counter', 'Printer']);
    expect(JSON.stringify(all)).not.toContain('s3cret');
  });
});

describe('millrace operator', { timeout: WITH_PROCESSES }, () => {
  const listening = async (child: ReturnType<CommandProject['start']>): Promise<string> => /"url":"([^"]+)"/.exec(await heard(child.stderr, (text) => /"url":"[^"]+"/.test(text)))![1]!;
  const get = async (url: string): Promise<{ readonly status: number; readonly text: string }> => {
    const response = await fetch(url);
    return { status: response.status, text: await response.text() };
  };
  const until = async (url: string, holds: (answer: { readonly status: number; readonly text: string }) => boolean): Promise<{ readonly status: number; readonly text: string }> => {
    for (;;) {
      const answer = await get(url);
      if (holds(answer)) return answer;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };

  it('is ready once its writer is there, and ends with the run', async () => {
    const common = ['count.js', '--run-id', 'r1', '--location', 'local:./shared'];
    const child = project.start(['operator', ...common, 'printer', '--http', '127.0.0.1:0']);
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    const url = await listening(child);
    expect(await until(`${url}/health/ready`, ({ text }) => text.includes('OperationInit'))).toMatchObject({ status: 503, text: expect.stringContaining('count-up.printer#0 is in OperationInit') as string });
    expect(await get(`${url}/health/live`)).toMatchObject({ status: 200 });
    expect(await get(`${url}/nothing`)).toMatchObject({ status: 404 });
    const other = project.start(['operator', ...common, 'counter', '--http', 'off', '--set', 'counter.count=1000000000']);
    const otherEnded = new Promise<number | null>((resolve) => other.once('exit', resolve));
    // One whose pipe is full stands still.
    for (const stream of [child.stdout, child.stderr, other.stdout, other.stderr]) stream.resume();
    expect(await until(`${url}/health/ready`, ({ status }) => status === 200)).toMatchObject({ status: 200 });
    const { text } = await until(`${url}/metrics`, (answer) => /^millrace_records_in_total\{pipeline="count-up",operator="printer",replica="0",port="numbers"\} [1-9]/m.test(answer.text));
    expect(text).toMatch(/^millrace_replica_stage\{.*stage="OperationRunning"\} 1$/m);
    expect(text).toMatch(/^process_cpu_seconds_total /m);
    other.kill('SIGTERM');
    expect(await otherEnded).toBe(130);
    child.kill('SIGTERM');
    expect(await ended).toBe(130);
  });

  it('is not live while a hook does not return', async () => {
    const child = project.start(['operator', 'count.js', 'counter', 'printer', '--run-id', 'r2', '--location', 'local:./stuck', '--http', '127.0.0.1:0', '--set', 'printer.hangAt=3', '--grace', '500']);
    const url = await listening(child);
    const { text } = await until(`${url}/health/live`, ({ status }) => status === 503);
    expect(text).toMatch(/printer#0.*onRunning/);
    expect(await get(`${url}/health/ready`)).toMatchObject({ status: 503 });
    child.kill('SIGTERM');
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(115);
  });

  it('says that its port is taken', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    const { code, err } = await project.millrace(['operator', 'count.js', 'printer', '--run-id', 'r3', '--location', 'local:./taken', '--http', `127.0.0.1:${port}`]);
    await new Promise((resolve) => taken.close(resolve));
    expect(code).toBe(1);
    expect(jsonLines(err)).toMatchObject([{ level: 'error', msg: 'not started', err: { code: 'MILLRACE_ADDRESS_IN_USE', message: expect.stringContaining(`127.0.0.1:${port} is taken`) as string } }]);
    expect(existsSync(join(project.folder, 'taken'))).toBe(false);
  });
});

describe('millrace channels and doctor', { timeout: WITH_PROCESSES }, () => {
  it('shows what a writer left: channels, lag, positions, records', async () => {
    const common = ['count.js', '--location', 'local:./left'];
    expect((await project.millrace(['channels', 'list', ...common])).out).toMatch(/^count-up\.printer\.numbers +not there/m);
    expect(await project.millrace(['operator', ...common, 'counter', '--run-id', 'w', '--http', 'off', '--log-level', 'silent'])).toMatchObject({ code: 0, err: '' });
    expect((await project.millrace(['channels', 'list', ...common])).out).toMatch(/^count-up\.printer\.numbers +1 +20 +20 +printer\.numbers +local:/m);
    expect((await project.millrace(['channels', 'lag', ...common])).out).toMatch(/^count-up\.printer\.numbers +count-up\.printer\.numbers +20$/m);
    expect(JSON.parse((await project.millrace(['channels', 'positions', ...common, '--format', 'json'])).out)).toMatchObject([{ partition: 0, start: 0, end: 20, lag: 20 }]);
    const peeked = async (...args: readonly string[]): Promise<readonly unknown[]> => (await project.millrace(['channels', 'peek', ...common, 'printer.numbers', ...args])).out.trim().split('\n').map((line) => JSON.parse(line) as unknown);
    expect(await peeked('--limit', '2')).toMatchObject([{ partition: 0, offset: 0, key: null, headers: [], value: { n: 0 } }, { offset: 1, value: { n: 1 } }]);
    expect(await peeked('--last', '--limit', '1')).toMatchObject([{ offset: 19, value: { n: 19 } }]);
    expect(await peeked('--offset', '15', '--limit', '1')).toMatchObject([{ offset: 15, value: { n: 15 } }]);
    expect((await project.millrace(['channels', 'peek', ...common, 'printer.number'])).err).toMatch(/has no channel printer\.number; did you mean count-up\.printer\.numbers\?/);
    // Nothing moved: the reader gets all of it.
    expect(await project.millrace(['operator', ...common, 'printer', '--run-id', 'w', '--http', 'off', '--log-level', 'silent'])).toEqual({ code: 0, out: printed(20), err: '' });
  });

  it('moves positions, unless the pipeline runs, and shows it before', async () => {
    const common = ['count.js', '--location', 'local:./moved'];
    const operator = ['operator', ...common, '--run-id', 'm', '--http', 'off', '--log-level', 'silent'];
    expect(await project.millrace([...operator, 'counter'])).toMatchObject({ code: 0 });
    const reset = async (...args: readonly string[]) => await project.millrace(['channels', 'reset', ...common, 'printer.numbers', '--format', 'json', ...args]);
    const moves = [{ group: 'count-up.printer.numbers', partition: 0, from: 0, to: 15 }];
    expect(JSON.parse((await reset('--to', '15', '--dry-run')).out)).toEqual({ channel: 'count-up.printer.numbers', dryRun: true, moves });
    expect(JSON.parse((await reset('--to', '15')).out)).toEqual({ channel: 'count-up.printer.numbers', dryRun: false, moves });
    expect(JSON.parse((await reset('--to', '1999-01-01', '--dry-run')).out)).toMatchObject({ moves: [{ from: 15, to: 0 }] });
    expect((await reset('--to', 'there')).err).toMatch(/--to there: must be earliest, latest/);
    expect(await project.millrace([...operator, 'printer'])).toMatchObject({ code: 0, out: 'got 15\ngot 16\ngot 17\ngot 18\ngot 19\n' });
    const running = project.start(['operator', ...common, 'counter', '--run-id', 'n', '--http', 'off', '--set', 'counter.count=1000000']);
    await heard(running.stderr, (text) => text.includes('started'));
    expect(await reset('--to', 'latest')).toMatchObject({ code: 1, err: expect.stringContaining('count-up is running; stop it first') as string });
    running.kill('SIGKILL');
  });

  it('sends dead letters back, once', async () => {
    const common = ['count.js', '--location', 'local:./letters', '--option', 'printer.ports.numbers.onError=deadLetter'];
    const child = project.start(['run', ...common, '--json', '--set', 'printer.failAt=7', '--set', 'counter.count=1000000']);
    await heard(child.stdout, (text) => text.includes('got 40\n'));
    child.kill('SIGINT');
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(130);
    const replay = async (...args: readonly string[]): Promise<unknown> => JSON.parse((await project.millrace(['channels', 'replay', ...common, 'printer.numbers.deadLetters', '--format', 'json', ...args])).out) as unknown;
    const replayed = [{ channel: 'count-up.printer.numbers', cause: expect.stringContaining('no more') as string, letters: 1 }];
    expect(await replay('--dry-run')).toEqual({ dryRun: true, replayed });
    expect(await replay()).toEqual({ dryRun: false, replayed });
    expect(await replay()).toEqual({ dryRun: false, replayed: [] });
    expect((await project.millrace(['channels', 'replay', ...common, 'printer.numbers'])).err).toMatch(/holds no dead letters; those are in count-up\.printer\.numbers\.deadLetters/);
    const { out } = await project.millrace(['channels', 'peek', ...common, 'printer.numbers', '--last', '--limit', '1']);
    expect(JSON.parse(out)).toMatchObject({ value: { n: 7 } });
  });

  it('finds what is well and what is not', async () => {
    const well = await project.millrace(['doctor', 'local:./examined', '--write']);
    expect(well.code).toBe(0);
    expect(well.out).toMatch(/^ok +Node\.js[^]*ok +backend local:[^]*ok +location local:\.\/examined[^]*ok +permissions at local:\.\/examined/m);
    const ill = await project.millrace(['doctor', 'kafka://127.0.0.1:1', 'nowhere:', '--format', 'json']);
    expect(ill.code).toBe(1);
    expect((JSON.parse(ill.out) as readonly { readonly status: string; readonly found: string }[]).filter(({ status }) => status === 'failed').map(({ found }) => found)).toEqual([expect.stringContaining('ECONNREFUSED'), expect.stringContaining('MILLRACE_BACKEND_UNKNOWN')]);
  });
});
