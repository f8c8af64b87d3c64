import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Which way bytes go: from the client to the broker, or back. */
export type Way = 'requests' | 'answers';

interface Link {
  readonly client: Socket;
  readonly broker: Socket;
  /** True once bytes of it have been swallowed: what follows would make no sense to who reads it. */
  torn: boolean;
}

/**
 * Stands between the clients of a broker and the broker, passes bytes on, and goes wrong as networks do when told to. What a
 * network fault leaves open is open here too: a client whose answers are swallowed does not know what its requests did.
 */
export class FaultProxy {
  #server: Server | undefined;
  #port = 0;
  readonly #links = new Set<Link>();
  readonly #swallowed = new Set<Way>();
  #lost = 0;
  #delay = 0;

  /** @param target the port of 127.0.0.1 that the broker listens on */
  constructor(private readonly target: number) {}

  /** Where clients connect to. */
  get port(): number {
    return this.#port;
  }

  /** How many connections go through it at this moment. */
  get connections(): number {
    return this.#links.size;
  }

  /** How many bytes it has swallowed so far: a fault has happened once there are some. */
  get swallowed(): number {
    return this.#lost;
  }

  /** Takes connections; on `port` where one is given, else on a free one. */
  async listen(port = this.#port): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => this.#join(client));
    this.#server = server;
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Resets every connection that there is. New ones pass. */
  cut(): void {
    for (const link of this.#links) reset(link);
  }

  /** New connections are refused until {@link heal}. Those that there are stay: {@link cut} is for them. */
  refuse(): void {
    this.#server?.close();
    this.#server = undefined;
  }

  /** From here on no byte arrives on these ways until {@link heal}; no connection ends over it. */
  swallow(...ways: readonly Way[]): void {
    for (const way of ways.length === 0 ? (['requests', 'answers'] as const) : ways) this.#swallowed.add(way);
  }

  /** Each byte takes `ms` longer on each way, in its order. */
  delay(ms: number): void {
    this.#delay = ms;
  }

  /** All is well again; connections that lost bytes are reset. */
  async heal(): Promise<void> {
    this.#swallowed.clear();
    this.#delay = 0;
    for (const link of this.#links) if (link.torn) reset(link);
    await this.listen();
  }

  /** Ends every connection and takes no more. */
  close(): void {
    this.refuse();
    this.cut();
  }

  #join(client: Socket): void {
    const broker = connect({ host: '127.0.0.1', port: this.target, noDelay: true, allowHalfOpen: true });
    const link: Link = { client, broker, torn: false };
    this.#links.add(link);
    this.#pass(link, client, broker, 'requests');
    this.#pass(link, broker, client, 'answers');
  }

  #pass(link: Link, from: Socket, to: Socket, way: Way): void {
    /** What is under way, and the end of it as `undefined`. */
    const queue: { readonly due: number; readonly bytes: Buffer | undefined }[] = [];
    let timer: NodeJS.Timeout | undefined;
    const deliver = (): void => {
      timer = undefined;
      for (let next = queue[0]; next !== undefined; next = queue[0]) {
        const wait = next.due - performance.now();
        if (wait > 0) {
          timer = setTimeout(deliver, wait);
          return;
        }
        queue.shift();
        if (next.bytes === undefined) to.end();
        else if (!to.write(next.bytes)) {
          from.pause();
          to.once('drain', () => from.resume());
        }
      }
    };
    const take = (bytes: Buffer | undefined): void => {
      if (this.#swallowed.has(way)) {
        link.torn = true;
        this.#lost += bytes?.length ?? 0;
        return;
      }
      queue.push({ due: performance.now() + this.#delay, bytes });
      if (timer === undefined) deliver();
    };
    from.on('data', take);
    from.on('end', () => take(undefined));
    from.on('error', () => to.destroy());
    from.on('close', () => {
      clearTimeout(timer);
      this.#links.delete(link);
      // Half a connection is left where the end of the other half was swallowed, and stays so.
      if (!from.readableEnded) to.destroy();
    });
  }
}

function reset({ client, broker }: Link): void {
  client.resetAndDestroy();
  broker.destroy();
}
