import { mkdtempSync, rmSync } from 'node:fs';
import { Kafka, logLevel } from 'kafkajs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { orchestrate, Pipeline, silentLogger, type InputOptions, type OrchestrateOptions, type Run } from '../index.js';
import { Forward, Reader, Relay, Writer, type Sample } from './operators.js';
import { PypzProcess } from './python.js';

interface Given {
  /** Default: both. */
  readonly side?: 'reader' | 'writer';
  readonly readers?: number;
  readonly writers?: number;
  readonly count?: number;
  readonly bad?: number;
  readonly input?: InputOptions;
  readonly peerTimeout?: number;
  readonly options?: Partial<OrchestrateOptions>;
}

let made = 0;

/** One pipeline of a writer and a reader, of which one side is ours and the other pypz's. */
export class Scene {
  readonly name = `pz_${process.pid}_${Date.now().toString(36)}_${made++}`;
  readonly location: string;
  readonly got: { readonly replica: string; readonly value: Sample }[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), 'millrace-pypz-'));
  readonly #runs: Run[] = [];
  readonly #processes: PypzProcess[] = [];

  constructor(private readonly bootstrap: string, private readonly python: string) {
    this.location = `kafka://${bootstrap}?protocol=pypz`;
    Reader.got.set(this.name, this.got);
  }

  pipeline({ readers = 1, writers = 1, count = 0, bad = -1, input }: Omit<Given, 'side'> = {}): Pipeline {
    const pipeline = new Pipeline(this.name);
    const writer = pipeline.add(Writer, { count, bad }, { name: 'writer', replicas: writers });
    const reader = pipeline.add(Reader, { into: this.name }, { name: 'reader', replicas: readers, ...(input === undefined ? {} : { ports: { input_port: input } }) });
    reader.input_port.connect(writer.output_port);
    return pipeline;
  }

  /** Starts our side. */
  async millrace({ side, peerTimeout = 60_000, options, ...given }: Given): Promise<Run> {
    return await this.#start(this.pipeline(given), side === undefined ? ['reader', 'writer'] : [side], peerTimeout, options);
  }

  /** Starts pypz's side. */
  pypz(side: 'reader' | 'writer' | 'both', ...args: readonly string[]): PypzProcess {
    const child = new PypzProcess(this.python, 'run.py', this.#folder, ['--location', this.bootstrap, '--pipeline', this.name, '--side', side, ...args]);
    this.#processes.push(child);
    return child;
  }

  /** A pipeline of three, of which pypz runs the one in the middle. */
  async relayed(count: number): Promise<{ readonly run: Run; readonly relay: PypzProcess }> {
    const pipeline = new Pipeline(this.name);
    const source = pipeline.add(Writer, { count }, { name: 'source' });
    const relay = pipeline.add(Relay, {}, { name: 'relay' });
    const sink = pipeline.add(Reader, { into: this.name }, { name: 'sink' });
    relay.input_port.connect(source.output_port);
    sink.input_port.connect(relay.output_port);
    const child = new PypzProcess(this.python, 'relay.py', this.#folder, ['--location', this.bootstrap, '--pipeline', this.name]);
    this.#processes.push(child);
    return { relay: child, run: await this.#start(pipeline, ['source', 'sink'], 60_000) };
  }

  /** A pipeline whose last operator writes into a topic of others, and one in memory that reads this. */
  async bridged(topic: string, count: number): Promise<void> {
    const shared = new Pipeline(this.name);
    const writer = shared.add(Writer, { count }, { name: 'writer' });
    const bridge = shared.add(Forward, {}, { name: 'bridge' });
    bridge.input_port.connect(writer.output_port);
    bridge.output_port.to(`kafka://${this.bootstrap}/${topic}`);
    await (await this.#start(shared, ['writer', 'bridge'], 60_000)).completed;
    const own = new Pipeline(`${this.name}_own`);
    own.add(Reader, { into: this.name }, { name: 'reader' }).input_port.from(`kafka://${this.bootstrap}/${topic}?group=${this.name}&until=end`);
    const run = await orchestrate(own, { location: `memory:${this.name}`, logger: silentLogger, handleSignals: false });
    this.#runs.push(run);
    await run.completed;
  }

  /** A pipeline of three, whose first channel alone is shared with pypz: the last operator is exactly-once. */
  async mixed({ side = ['writer', 'reader', 'sink'], count = 0, topic }: { readonly side?: readonly string[]; readonly count?: number; readonly topic?: string }): Promise<Run> {
    const query = '?protocol=pypz&ports=reader.input_port';
    const pipeline = new Pipeline(this.name);
    const sink = pipeline.add(Reader, { into: this.name }, { name: 'sink', delivery: 'exactly-once' });
    const writer = pipeline.add(Writer, { count }, { name: 'writer' });
    const reader = pipeline.add(Forward, {}, { name: 'reader' });
    reader.input_port.connect(writer.output_port);
    sink.input_port.connect(reader.output_port);
    if (topic !== undefined) {
      const copy = pipeline.add(Forward, {}, { name: 'copy', delivery: 'exactly-once' });
      copy.input_port.connect(reader.output_port);
      copy.output_port.to(`kafka://${this.bootstrap}/${topic}${query}`);
    }
    return await this.#start(pipeline, side, 60_000, { location: `kafka://${this.bootstrap}${query}` });
  }

  /** Topics of the pipeline's channels that are there. */
  async topics(): Promise<readonly string[]> {
    const admin = new Kafka({ brokers: [this.bootstrap], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    try {
      return (await admin.listTopics()).filter((topic) => topic.startsWith(`${this.name}.`) && topic.includes('.input_port')).sort();
    } finally {
      await admin.disconnect();
    }
  }

  async #start(pipeline: Pipeline, only: readonly string[], peerTimeout: number, options: Partial<OrchestrateOptions> = {}): Promise<Run> {
    const { name } = this;
    const { location = this.location } = options;
    const run = await orchestrate(pipeline, { location, only, runId: `${name}-1`, logger: silentLogger, handleSignals: false, connect: { [location]: { peerTimeout } }, ...options });
    this.#runs.push(run);
    return run;
  }

  /** Records that were ever written into the channel. */
  async written(): Promise<number> {
    const admin = new Kafka({ brokers: [this.bootstrap], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    try {
      return (await admin.fetchTopicOffsets(`${this.name}.reader.input_port`)).reduce((sum, { high }) => sum + Number(high), 0);
    } finally {
      await admin.disconnect();
    }
  }

  async close(): Promise<void> {
    Reader.got.delete(this.name);
    for (const run of this.#runs) await run.stop({ mode: 'now' }).catch(() => undefined);
    for (const child of this.#processes) {
      if (!child.hasEnded) child.kill();
      await child.exitCodes.catch(() => undefined);
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
