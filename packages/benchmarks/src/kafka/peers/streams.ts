import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Measured } from '../../harness/race.js';
import type { Job } from './job.js';
import { fetchJars } from './maven.js';

const ARTIFACTS = ['org.apache.kafka:kafka-streams:4.4.0', 'org.apache.avro:avro:1.12.2', 'org.slf4j:slf4j-simple:1.7.36'];

/** Compiled by Java as it starts; it stands among the sources, where no build takes it along. */
const PROGRAM = fileURLToPath(new URL('../../../src/kafka/peers/StreamsTransform.java', import.meta.url));

export type Guarantee = 'at_least_once' | 'exactly_once_v2';

/** A Kafka Streams program in a JVM of its own, which lives until it is closed, so that its code stays compiled from job to job. */
export class StreamsPeer {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;
  #complaints = '';

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    this.#answers = createInterface(child.stdout)[Symbol.asyncIterator]();
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#complaints += text));
    // Not there at all: then it answers nothing, which says so.
    child.on('error', (error) => (this.#complaints += error.message));
    child.stdin.on('error', () => undefined);
  }

  /** @throws Error where its jars cannot be had */
  static async start(): Promise<StreamsPeer> {
    const jars = await fetchJars(ARTIFACTS);
    const java = process.env['JAVA_HOME'] === undefined ? 'java' : join(process.env['JAVA_HOME'], 'bin', 'java');
    return new StreamsPeer(spawn(java, ['-Xmx512m', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-cp', join(jars, '*'), PROGRAM]));
  }

  async run({ bootstrap, from, to, group, records }: Job, guarantee: Guarantee): Promise<Measured> {
    this.#child.stdin.write(`${[bootstrap, from, to, group, records, guarantee].join(' ')}\n`);
    const answer = await this.#answers.next();
    if (answer.done) throw new Error(`Kafka Streams ended: ${this.#complaints.slice(-2000)}`);
    return JSON.parse(answer.value) as Measured;
  }

  close(): void {
    this.#child.kill();
  }
}
