import { Connection, type Call, type ConnectionSettings } from './connection.js';
import { KafkaError } from './error.js';
import type { Dial } from './kafkajs.js';
import type { KafkaNode, KafkaRequest, SendOptions } from './types.js';

/** Ms before a connection is tried again after one failed: doubled by each failure from the first to the last. */
const BACKOFF = { first: 20, last: 500 };

export interface LaneSettings extends ConnectionSettings {
  readonly requestTimeout: number;
  readonly dial: Dial;
}

interface Waiting extends Call {
  /** The connection that it went out on. */
  connection: Connection | undefined;
}

/** A broker over one connection of its own, made when first used and made anew after a loss. */
export class Lane implements KafkaNode {
  private readonly queue: Waiting[] = [];
  private connection: Connection | undefined;
  /** Set while what is sent has to wait for the connection or for SASL. */
  private busy = false;
  private failures = 0;
  private retryAt = 0;
  private closing: KafkaError | undefined;
  /** Ends a wait before the next try. */
  private endBackoff: (() => void) | undefined;

  constructor(
    public nodeId: number,
    /** Asked at each connect; undefined for a node that the cluster does not name. */
    private readonly address: () => { readonly host: string; readonly port: number } | undefined,
    private readonly settings: LaneSettings,
  ) {}

  /** Has a connection that was not lost so far. */
  get connected(): boolean {
    return this.connection?.gone === false && !this.busy;
  }

  send<T>(request: KafkaRequest<T>, { timeout = this.settings.requestTimeout }: SendOptions = {}): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.closing !== undefined) {
        reject(this.closing.at({ api: request.api.name }));
        return;
      }
      const timer = setTimeout(() => this.expire(call, timeout), timeout);
      const call: Waiting = {
        request,
        connection: undefined,
        resolve: (answer) => {
          clearTimeout(timer);
          resolve(answer as T);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      this.queue.push(call);
      this.flush();
    });
  }

  /** Rejects all that is under way and destroys the socket; resolves when that is closed. */
  async close(): Promise<void> {
    const why = (this.closing ??= new KafkaError('closed', 'the client was closed', { broker: this.connection?.broker }));
    this.endBackoff?.();
    const { connection } = this;
    this.rejectQueue(why);
    connection?.destroy(why);
    await connection?.closed;
  }

  private flush(): void {
    if (this.busy || this.queue.length === 0) return;
    if (this.connection === undefined || this.connection.gone || this.connection.expired) {
      this.busy = true;
      void this.prepare().catch((error: unknown) => this.rejectQueue(error as KafkaError)).finally(() => {
        this.busy = false;
        this.flush();
      });
      return;
    }
    for (const call of this.queue.splice(0)) {
      call.connection = this.connection;
      this.connection.write(call);
    }
  }

  /** Makes the connection, or has it authenticated again. */
  private async prepare(): Promise<void> {
    if (this.connection?.gone === false) return this.connection.authenticate();
    await this.waitForBackoff();
    if (this.closing !== undefined) throw this.closing;
    const address = this.address();
    if (address === undefined) throw new KafkaError('connection', `node ${this.nodeId} is not one of the cluster's`);
    const connection = new Connection(address, this.settings);
    this.connection = connection;
    try {
      await connection.open(this.settings.dial);
      this.failures = 0;
    } catch (error) {
      this.retryAt = performance.now() + Math.min(BACKOFF.last, BACKOFF.first * 2 ** this.failures++);
      throw error;
    }
  }

  private async waitForBackoff(): Promise<void> {
    const wait = this.retryAt - performance.now();
    if (this.failures === 0 || wait <= 0) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.endBackoff = undefined;
        resolve();
      };
      const timer = setTimeout(done, wait);
      this.endBackoff = done;
    });
  }

  private rejectQueue(error: KafkaError): void {
    for (const call of this.queue.splice(0)) call.reject(error.at({ api: call.request.api.name }));
  }

  /**
   * A process that was busy or stopped finds its timers due before it has read what came meanwhile, so an answer may be in the socket:
   * as long as bytes are coming in it is waited for. A connection on which an answer is overdue is given up, since the broker answers
   * in order and what was sent after waits behind it.
   */
  private expire(call: Waiting, timeout: number): void {
    const error = new KafkaError('timeout', `no answer within ${timeout} ms`, { api: call.request.api.name, broker: call.connection?.broker });
    if (call.connection === undefined) {
      const at = this.queue.indexOf(call);
      if (at < 0) return;
      this.queue.splice(at, 1);
      call.reject(error);
      return;
    }
    const { connection } = call;
    const { bytesRead } = connection;
    setImmediate(() => {
      if (connection.bytesRead > bytesRead) this.expire(call, timeout);
      else if (connection.has(call)) {
        call.reject(error);
        connection.destroy(new KafkaError('connection', `the connection was given up, since ${call.request.api.name} was not answered within ${timeout} ms`, { broker: connection.broker, cause: error }));
      }
    });
  }
}
