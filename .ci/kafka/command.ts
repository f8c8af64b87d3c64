import { startKafka } from '@millrace/testing/kafka';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const USAGE = 'usage: npm run kafka -- start|stop [--version V] [--port P]\n';

/** What is running, as the next call of this command has to know it. */
interface Running {
  readonly bootstrap: string;
  readonly version: string;
  readonly pid: number;
  readonly folder: string;
}

const folder = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'millrace');
const file = join(folder, 'running.json');

const { positionals: [verb], values } = parseArgs({
  allowPositionals: true,
  options: { version: { type: 'string' }, port: { type: 'string', default: '9092' } },
});

if (verb === 'start') await start();
else if (verb === 'stop') await stop();
else {
  process.stderr.write(USAGE);
  process.exitCode = 2;
}

async function start(): Promise<void> {
  const there = await running();
  if (there !== undefined) {
    process.stdout.write(`Kafka ${there.version} is there already: ${there.bootstrap}\n`);
    return;
  }
  // Measured against as well as tried out: it has the memory and the compiler of a broker in earnest.
  const { bootstrap, version, folder: data, brokers: [broker] } = await startKafka({ version: values.version, port: Number(values.port), detached: true, jvm: ['-Xms1g', '-Xmx1g'] });
  await mkdir(folder, { recursive: true });
  await writeFile(file, JSON.stringify({ bootstrap, version, pid: broker?.pid, folder: data }));
  process.stdout.write(`Kafka ${version} runs until npm run kafka -- stop: ${bootstrap}\nFor the tests: export MILLRACE_KAFKA=${bootstrap}\n`);
}

async function stop(): Promise<void> {
  const there = await running();
  if (there === undefined) {
    process.stdout.write('No broker of this command is running.\n');
    return;
  }
  process.kill(there.pid, 'SIGTERM');
  const deadline = performance.now() + 30_000;
  while (isAlive(there.pid)) {
    if (performance.now() > deadline) process.kill(there.pid, 'SIGKILL');
    await sleep(50);
  }
  await rm(there.folder, { recursive: true, force: true });
  await rm(file, { force: true });
  process.stdout.write(`Kafka ${there.version} has stopped.\n`);
}

/** What the file says, unless that has ended without a `stop`: then its leavings are cleared away. */
async function running(): Promise<Running | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const there = JSON.parse(text) as Running;
  if (isAlive(there.pid)) return there;
  await rm(there.folder, { recursive: true, force: true });
  await rm(file, { force: true });
  return undefined;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
