import { MillraceError } from '@millrace/core';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { cachedJars, cacheFolder, ensureJars } from './jars.js';
import { run } from './run.js';
import { exactVersion } from './versions.js';

/** Where Kafka's classes come from and how one of them is run. */
export interface KafkaSource {
  readonly kind: 'java' | 'docker';
  readonly version: string;
  /** The command line that runs a main class. `name` is the container's, where there is one. */
  command(name: string, jvm: readonly string[], main: string, args: readonly string[]): readonly [string, ...string[]];
}

/** Java 17 is the oldest that a broker of Kafka 4 runs on. */
const OLDEST_JAVA = 17;

const found = new Map<string, Promise<KafkaSource>>();

/**
 * Finds what can run Kafka of the version that `startKafka` would take: Java 17 or newer with the jars that Maven fetched (about half a minute, once per
 * user), else Docker's image `apache/kafka`. Asked once per process and version.
 *
 * @throws MillraceError `MILLRACE_BROKER_UNAVAILABLE` that says what to install
 */
export function findKafka(asked?: string): Promise<KafkaSource> {
  const version = exactVersion(asked);
  let source = found.get(version);
  if (source === undefined) {
    source = find(version);
    found.set(version, source);
    // A failure is not kept: somebody may install what was missing while a test run watches.
    source.catch(() => found.delete(version));
  }
  return source;
}

async function find(version: string): Promise<KafkaSource> {
  const missing: string[] = [];
  const java = process.env['JAVA_HOME'] === undefined ? 'java' : join(process.env['JAVA_HOME'], 'bin', 'java');
  const javaVersion = parseJavaVersion(await run(java, ['-version']).then(({ stdout, stderr }) => stdout + stderr));
  if (javaVersion === undefined || javaVersion < OLDEST_JAVA) {
    missing.push(`Java ${OLDEST_JAVA} or newer (${javaVersion === undefined ? `${java} does not run` : `${java} is ${javaVersion}`})`);
  } else {
    const jars = await cachedJars(version);
    if (jars !== undefined) return javaSource(java, jars, version);
    if ((await run('mvn', ['-version'])).code === 0) return javaSource(java, await ensureJars(version), version);
    missing.push('Maven (mvn does not run)');
  }
  if ((await run('docker', ['version', '--format', '{{.Server.Version}}'])).code === 0) return dockerSource(version);
  missing.push('Docker (no daemon answers)');
  throw new MillraceError(
    'MILLRACE_BROKER_UNAVAILABLE',
    `Kafka ${version} cannot be started here. Install Java ${OLDEST_JAVA} or newer and Maven (on Debian: apt-get install openjdk-17-jre-headless maven), or Docker. Missing: ${missing.join('; ')}`,
  );
}

/** The major version in what `java -version` prints, `undefined` where there is none. */
export function parseJavaVersion(printed: string): number | undefined {
  const [, first, second] = /version "(\d+)(?:\.(\d+))?/.exec(printed) ?? [];
  if (first === undefined) return undefined;
  return first === '1' && second !== undefined ? Number(second) : Number(first);
}

function javaSource(java: string, jars: string, version: string): KafkaSource {
  return { kind: 'java', version, command: (_name, jvm, main, args) => [java, ...jvm, '-cp', join(jars, '*'), main, ...args] };
}

/**
 * The container shares the host's network, temporary folder and cache, so that properties, data and addresses are those of the Java
 * process that it stands for. Docker Desktop has to allow host networking.
 */
export function dockerSource(version: string, user: { readonly uid: number; readonly gid: number } = userInfo()): KafkaSource {
  // Where data is, and where the formatted storage is made.
  const volumes = [tmpdir(), dirname(cacheFolder(version))].flatMap((path) => ['--volume', `${path}:${path}`]);
  return {
    kind: 'docker',
    version,
    command: (name, jvm, main, args) => [
      'docker', 'run', '--rm', '--interactive', '--name', name, '--network', 'host', '--user', `${user.uid}:${user.gid}`,
      ...volumes, '--entrypoint', 'java', `apache/kafka:${version}`, ...jvm, '-cp', '/opt/kafka/libs/*', main, ...args,
    ],
  };
}
