import { MillraceError } from '@millrace/core';
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Writable } from 'node:stream';
import { askForBrokers } from './probe.js';
import type { FaultProxy } from './proxy.js';
import { run } from './run.js';
import type { KafkaSource } from './source.js';

/**
 * Becomes the broker, and leaves a watcher in its process group. The watcher reads from a pipe whose other end this process
 * holds: a line means that all is over, and the end of the pipe without one that this process died, however it died. Then the
 * watcher kills the broker and removes the cluster's folder. `$$` stays the broker's even if that has ended, since the watcher is a member of
 * the group of that number.
 */
const GUARDED = `
folder=$1 container=$2; shift 2
(
  read -r _ <&3 && exit
  if [ -n "$container" ]; then docker kill "$container"; else kill -9 $$; fi
  rm -rf "$folder" || { sleep 1; rm -rf "$folder"; }
) >/dev/null 2>&1 &
exec "$@" 3<&-
`;

/** How long a broker may take to answer its first request, in ms: a busy machine takes many times the usual three seconds. */
const START_TIMEOUT = 120_000;

const STOP_TIMEOUT = 60_000;

export interface BrokerSpec {
  readonly node: number;
  /** Of the plain listener that clients connect to: its proxy's, where it has one. */
  readonly port: number;
  /** Of the listener that brokers connect to. */
  readonly internalPort: number;
  readonly proxy: FaultProxy | undefined;
  readonly clusterFolder: string;
  /** Holds `server.properties`, `data` and `kafka.log`. */
  readonly folder: string;
  readonly jvm: readonly string[];
  readonly container: string;
  /** True where the broker outlives this process. */
  readonly detached: boolean;
}

/** One broker of a cluster: a process of its own, which ends with this one. */
export class KafkaBroker {
  #process: ChildProcess | undefined;
  #exited: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly source: KafkaSource,
    private readonly spec: BrokerSpec,
  ) {}

  /** Its id, counted from 1. */
  get node(): number {
    return this.spec.node;
  }

  /** Where its clients connect to, `host:port`. */
  get address(): string {
    return `127.0.0.1:${this.spec.port}`;
  }

  /**
   * What stands between it and the clients of its plain listener, where the cluster was started with `proxied`.
   *
   * @throws MillraceError `MILLRACE_OPTION_INVALID` where it was not
   */
  get proxy(): FaultProxy {
    if (this.spec.proxy === undefined) throw new MillraceError('MILLRACE_OPTION_INVALID', 'This cluster has no proxies: start it with `proxied: true`.');
    return this.spec.proxy;
  }

  /** Of the broker's process, or of the Docker client that stands for it; `undefined` while it does not run. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** The last 100 lines that it logged: warnings and errors, over all of its starts. */
  get log(): string {
    return existsSync(this.#logFile) ? readFileSync(this.#logFile, 'utf8').split('\n').slice(-100).join('\n') : '';
  }

  /** Starts it on the data and the address that it has, where it does not run; resolves when it answers. */
  async start(): Promise<void> {
    if (this.#process !== undefined) return;
    const log = openSync(this.#logFile, 'a');
    const command = this.source.command(this.spec.container, this.spec.jvm, 'kafka.Kafka', [join(this.spec.folder, 'server.properties')]);
    const container = this.source.kind === 'docker' ? this.spec.container : '';
    const [program, ...args] = this.spec.detached ? command : ['/bin/sh', '-c', GUARDED, 'sh', this.spec.clusterFolder, container, ...command] as const;
    // Its own process group: Ctrl-C in a terminal is for the tests, which end their brokers in their order.
    const child = spawn(program, args, { detached: true, stdio: ['ignore', log, log, this.spec.detached ? 'ignore' : 'pipe'] });
    closeSync(log);
    this.#process = child;
    const guard = child.stdio[3] as Writable | null;
    guard?.on('error', () => undefined); // The watcher has ended with the group.
    this.#exited = new Promise<void>((resolve) => {
      const ended = (): void => {
        this.#process = undefined;
        guard?.end('over\n');
        resolve();
      };
      child.once('exit', ended);
      child.once('error', ended);
    });
    await this.#answering(child);
    if (this.spec.detached) child.unref();
  }

  /** Ends it at once, as a power cut does (SIGKILL); resolves when it is gone. */
  async kill(): Promise<void> {
    await this.#signal('KILL');
    await this.#exited;
  }

  /**
   * Ends it in order (SIGTERM), frozen or not: its partitions are led by others first, where there are others.
   *
   * @throws MillraceError `MILLRACE_TIMEOUT` where it has not ended within a minute; it is killed then
   */
  async stop(): Promise<void> {
    await this.thaw();
    await this.#signal('TERM');
    const late = new AbortController();
    const ended = await Promise.race([this.#exited.then(() => true), sleep(STOP_TIMEOUT, false, { signal: late.signal })]);
    late.abort();
    if (ended) return;
    await this.kill();
    throw new MillraceError('MILLRACE_TIMEOUT', `Kafka broker ${this.node} did not end within ${STOP_TIMEOUT} ms of SIGTERM and was killed. Its log:\n${this.log}`);
  }

  /** Stops it in order where it runs, and starts it again. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Halts it (SIGSTOP): its connections stay, and nothing is answered. */
  async freeze(): Promise<void> {
    await this.#signal('STOP');
  }

  /** Lets it go on (SIGCONT). */
  async thaw(): Promise<void> {
    await this.#signal('CONT');
  }

  get #logFile(): string {
    return join(this.spec.folder, 'kafka.log');
  }

  async #signal(name: 'KILL' | 'TERM' | 'STOP' | 'CONT'): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    if (this.source.kind === 'docker') await run('docker', ['kill', '--signal', name, this.spec.container]);
    else child.kill(`SIG${name}`);
  }

  async #answering(child: ChildProcess): Promise<void> {
    const start = performance.now();
    for (;;) {
      if (this.#process !== child) throw this.#failed('ended while it started');
      if (await askForBrokers(this.spec.internalPort).then(() => true, () => false)) return;
      if (performance.now() - start > START_TIMEOUT) {
        await this.kill();
        throw this.#failed(`did not answer within ${START_TIMEOUT} ms`);
      }
      await sleep(50);
    }
  }

  #failed(how: string): MillraceError {
    return new MillraceError('MILLRACE_BROKER_UNAVAILABLE', `Kafka broker ${this.node} (version ${this.source.version}) ${how}. Its log:\n${this.log}`);
  }
}
