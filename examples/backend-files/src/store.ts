import { mkdir, open, readdir, realpath, rm, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { tryLock } from 'fs-native-extensions';
import { MillraceError } from '@millrace/core';
import { Catalog } from './catalog.js';
import { Draft } from './draft.js';
import { storageFailed, syncFolder } from './files.js';
import { Journal } from './journal.js';

/** A change that waits for its turn. */
interface Waiting {
  /** Changes what is in memory, all of it or, where it throws, nothing; the answer is given when it is on the disk. */
  run(draft: Draft): () => void;
  reject(error: unknown): void;
}

interface Opened {
  readonly store: Promise<Store>;
  users: number;
}

/**
 * A folder that this thread has to itself, shared by its connections. Changes take effect one after the other; those that came while
 * others were written are written together. If the disk fails, nothing more is done: what is on it is decided when it is opened again.
 */
export class Store {
  static readonly #opened = new Map<string, Opened>();
  static readonly #closing = new Map<string, Promise<void>>();
  #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;
  #failure: MillraceError | undefined;
  /** Told of a failure of the disk. */
  readonly failing = new Set<(error: MillraceError) => void>();

  private constructor(
    readonly path: string,
    readonly catalog: Catalog,
    private readonly journal: Journal,
    private readonly lock: FileHandle,
    private readonly segmentBytes: number,
  ) {}

  /**
   * Opens a folder, made where it is missing. {@link leave} gives it up.
   * @param segmentBytes counts where this thread does not have it open already
   * @throws MillraceError `MILLRACE_STORAGE_FAILED`, `MILLRACE_FORMAT_UNKNOWN`
   */
  static async enter(folder: string, segmentBytes: number): Promise<Store> {
    const path = await prepared(folder);
    for (let closing = Store.#closing.get(path); closing !== undefined; closing = Store.#closing.get(path)) await closing;
    const opened = Store.#opened.get(path) ?? { store: Store.#open(path, segmentBytes), users: 0 };
    Store.#opened.set(path, opened);
    opened.users++;
    try {
      return await opened.store;
    } catch (error) {
      if (--opened.users === 0) Store.#opened.delete(path);
      throw error;
    }
  }

  static async #open(path: string, segmentBytes: number): Promise<Store> {
    const lock = await open(join(path, 'lock'), 'a+');
    try {
      if (!tryLock(lock.fd)) throw storageFailed(`${path} is in use by another process or thread, and this backend lets one at a time have a folder; run all replicas in one, or use local:`);
      const journal = new Journal(path);
      const catalog = new Catalog(path);
      for (const change of await journal.load()) catalog.apply(change);
      await recover(path, catalog);
      await journal.rewrite([...catalog.changes()]);
      return new Store(path, catalog, journal, lock, segmentBytes);
    } catch (error) {
      await lock.close();
      throw MillraceError.is(error) ? error : storageFailed(`${path} cannot be opened`, error);
    }
  }

  async leave(): Promise<void> {
    const opened = Store.#opened.get(this.path);
    if (opened === undefined || --opened.users > 0) return;
    Store.#opened.delete(this.path);
    const closing = this.#close();
    Store.#closing.set(this.path, closing);
    try {
      await closing;
    } finally {
      Store.#closing.delete(this.path);
    }
  }

  /** Runs a change in its turn. What it changed is on the disk when the promise resolves, and nothing where it rejects. */
  change<T>(run: (draft: Draft) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        run: (draft) => {
          const result = run(draft);
          return () => resolve(result);
        },
        reject,
      });
      this.#running ??= this.#work();
    });
  }

  async #work(): Promise<void> {
    // What else is asked for in this turn of the event loop goes together.
    await Promise.resolve();
    while (this.#waiting.length > 0) await this.#round(this.#waiting.splice(0));
    this.#running = undefined;
  }

  async #round(waiting: readonly Waiting[]): Promise<void> {
    const draft = new Draft(this.catalog);
    const answers: (() => void)[] = [];
    const written: Waiting[] = [];
    for (const each of waiting) {
      try {
        if (this.#failure !== undefined) throw this.#failure;
        answers.push(each.run(draft));
        written.push(each);
      } catch (error) {
        each.reject(error);
      }
    }
    try {
      await draft.write(this.segmentBytes, (changes) => this.journal.append(changes));
      if (this.journal.grown) await this.journal.rewrite([...this.catalog.changes()]);
    } catch (error) {
      this.#failure = storageFailed(`${this.path} cannot be written; once it can, start again`, error);
      for (const fail of [...this.failing]) fail(this.#failure);
      for (const each of written) each.reject(this.#failure);
      return;
    }
    for (const answer of answers) answer();
  }

  async #close(): Promise<void> {
    await this.#running;
    for (const channel of this.catalog.channels.values()) for (const partition of channel.partitions) await partition.close();
    await this.journal.close();
    await this.lock.close();
  }
}

async function prepared(folder: string): Promise<string> {
  try {
    const made = await mkdir(folder, { recursive: true });
    // What is committed in a new folder lasts only if the folder does.
    for (let each = folder; made !== undefined && each.length >= made.length; each = dirname(each)) await syncFolder(dirname(each));
    return await realpath(folder);
  } catch (error) {
    throw storageFailed(`${folder} is no folder that can be used`, error);
  }
}

/** Brings the files to what the journal says of them. */
async function recover(path: string, catalog: Catalog): Promise<void> {
  const folder = join(path, 'channels');
  await mkdir(folder, { recursive: true });
  const known = new Set([...catalog.channels.values()].map(({ id }) => String(id)));
  for (const name of await readdir(folder)) if (!known.has(name)) await rm(join(folder, name), { recursive: true });
  for (const channel of catalog.channels.values()) for (const partition of channel.partitions) await partition.recover();
}
