import { randomBytes } from 'node:crypto';
import { watch, type FSWatcher } from 'node:fs';
import { rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** What a ring is about: a topic, or a channel by its id. */
export const TOPIC = { everything: 0xffff_ffff, control: 0, owners: 1, doors: 2 } as const;
/** Channels have ids from here on. */
export const FIRST_CHANNEL_ID = 16;

/** The address of a Unix domain socket has room for so many bytes, on the systems that have the least. */
const SOCKET_PATH_BYTES = 100;
/** A process that does not listen to so many bytes is told later that something happened, whatever it was. */
const BACKLOG_BYTES = 16 * 1024;

/** Where a process can be rung at. */
export interface Door {
  readonly id: string;
  readonly path: string;
}

/**
 * Wakes the other processes of a location: each listens on a socket of its own, and after a commit is told which channels have
 * something new. A ring that is lost costs time, not data: the location is looked at once a second in any case.
 */
export class Doorbell {
  readonly id = randomBytes(6).toString('hex');
  readonly #bells = new Map<string, Bell>();
  #server: Server | undefined;
  #watcher: FSWatcher | undefined;
  readonly #callers = new Set<Socket>();

  /**
   * @param onRing called with what a ring was about
   * @param onDead called when nobody listens at a door any more
   */
  constructor(
    private readonly file: string,
    private readonly onRing: (topics: ReadonlySet<number>) => void,
    private readonly onDead: (door: Door) => void,
  ) {}

  /** Begins to listen. Undefined: no socket can be had here, so the file is watched instead. */
  async listen(): Promise<Door | undefined> {
    const path = socketPath(dirname(this.file), this.id);
    const server = createServer((caller) => this.#answer(caller));
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(path, resolve);
      });
    } catch {
      this.#watcher = watch(this.file, { persistent: false }, () => this.onRing(new Set([TOPIC.everything])));
      return undefined;
    }
    this.#server = server;
    return { id: this.id, path };
  }

  /** Tells everybody at the doors but this process. */
  ring(doors: readonly Door[], topics: ReadonlySet<number>): void {
    for (const door of doors) {
      if (door.id === this.id) continue;
      let bell = this.#bells.get(door.id);
      if (bell === undefined) {
        bell = new Bell(door, (dead) => {
          this.#bells.delete(door.id);
          if (dead) this.onDead(door);
        });
        this.#bells.set(door.id, bell);
      }
      bell.ring(topics);
    }
  }

  async close(): Promise<void> {
    this.#watcher?.close();
    for (const bell of this.#bells.values()) bell.close();
    this.#bells.clear();
    const server = this.#server;
    if (server === undefined) return;
    for (const caller of this.#callers) caller.destroy();
    await new Promise((resolve) => server.close(resolve));
  }

  #answer(caller: Socket): void {
    this.#callers.add(caller);
    let rest: Buffer = Buffer.alloc(0);
    caller.on('data', (chunk) => {
      const bytes = rest.byteLength === 0 ? chunk : Buffer.concat([rest, chunk]);
      const whole = bytes.byteLength - (bytes.byteLength % 4);
      rest = Buffer.from(bytes.subarray(whole));
      const topics = new Set<number>();
      for (let at = 0; at < whole; at += 4) topics.add(bytes.readUInt32LE(at));
      if (topics.size > 0) this.onRing(topics);
    });
    // A caller that dies has nothing more to say.
    caller.on('error', () => undefined);
    caller.on('close', () => this.#callers.delete(caller));
  }
}

/** The connection to one other process. */
class Bell {
  readonly #socket: Socket;
  #missed = false;

  constructor(door: Door, onEnd: (dead: boolean) => void) {
    this.#socket = connect(door.path);
    this.#socket.unref();
    let dead = false;
    this.#socket.on('error', (error) => (dead = 'code' in error && (error.code === 'ECONNREFUSED' || error.code === 'ENOENT')));
    this.#socket.on('close', () => onEnd(dead));
    this.#socket.on('drain', () => {
      if (this.#missed) this.#write([TOPIC.everything]);
      this.#missed = false;
    });
    // Nothing is said back; reading notices the end.
    this.#socket.resume();
  }

  ring(topics: ReadonlySet<number>): void {
    if (this.#socket.writableLength > BACKLOG_BYTES) this.#missed = true;
    else this.#write([...topics]);
  }

  close(): void {
    this.#socket.destroy();
  }

  #write(topics: readonly number[]): void {
    const bytes = Buffer.allocUnsafe(4 * topics.length);
    for (const [i, topic] of topics.entries()) bytes.writeUInt32LE(topic, 4 * i);
    this.#socket.write(bytes);
  }
}

/** Removes what a process that was killed left at its door. */
export async function removeDoor({ path }: Door): Promise<void> {
  if (!path.startsWith('\\\\')) await rm(path, { force: true });
}

/** In the folder, so that containers which share it hear each other; elsewhere where its path is too long for an address. */
function socketPath(folder: string, id: string): string {
  if (process.platform === 'win32') return `\\\\.\\pipe\\millrace-${id}`;
  const path = join(folder, `.${id}.bell`);
  return Buffer.byteLength(path) <= SOCKET_PATH_BYTES ? path : join(tmpdir(), `millrace-${id}.bell`);
}
