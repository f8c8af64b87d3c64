import { failPoint, MillraceError } from '@millrace/core';
import { openDatabase, type Database, type DatabaseOptions } from './database.js';
import { Doorbell, removeDoor, TOPIC, type Door } from './doorbell.js';
import { Gate } from './gate.js';
import { fact, keys, Layout } from './layout.js';
import { WriteQueue, type Change } from './write-queue.js';

/** How often the location is looked at where no bell rang, in ms: for what a process that was killed could not tell. */
const LOOK_INTERVAL = 1000;
/** How often slots of killed readers are freed, in ms: they keep LMDB from using space again. */
const READER_CHECK_INTERVAL = 30_000;

/** Somebody who wants to know of changes: told of its topics, or of everything. */
export type Listener = () => void;

interface Opened {
  readonly store: Promise<LocalStore>;
  readonly sync: DatabaseOptions['sync'];
  holders: number;
}

/** What this thread has open, by real path. */
const opened = new Map<string, Opened>();

/** A location as this thread has it open, shared by all its connections: the database, who writes, and who is to be woken. */
export class LocalStore {
  readonly layout: Layout;
  readonly #queue: WriteQueue;
  readonly #listeners = new Map<number, Set<Listener>>();
  readonly #bell: Doorbell;
  /** Commits of positions since the last trim, by channel and partition. */
  readonly #untrimmed = new Map<string, number>();
  readonly #upkeep = new Map<string, Promise<void>>();
  /** Upkeep is to stop at the next good place. */
  closing = false;
  #doors: readonly Door[] = [];
  #doorsVersion = -1;
  #timer: NodeJS.Timeout | undefined;
  #lastTransaction = 0;
  #readersChecked = Date.now();

  private constructor(
    readonly db: Database,
    private readonly gate: Gate,
  ) {
    this.layout = new Layout(db);
    this.#queue = new WriteQueue(db, gate);
    this.#bell = new Doorbell(db.file, (topics) => this.#hear(topics), (door) => this.#forget(door));
  }

  /**
   * The store in a folder, opened at first use; {@link release} follows.
   * @param folder its real path
   */
  static async acquire(folder: string, options: DatabaseOptions): Promise<LocalStore> {
    const there = opened.get(folder);
    if (there !== undefined) {
      if (there.sync !== options.sync) throw new MillraceError('MILLRACE_OPTION_INVALID', `${folder} is open here with sync=${there.sync} already; a process uses one of the two for a folder`);
      there.holders++;
      return there.store;
    }
    const store = LocalStore.#open(folder, options);
    opened.set(folder, { store, sync: options.sync, holders: 1 });
    store.catch(() => opened.delete(folder));
    return store;
  }

  /** Closes the store where nobody else holds it. */
  static async release(folder: string): Promise<void> {
    const there = opened.get(folder);
    if (there === undefined || --there.holders > 0) return;
    opened.delete(folder);
    await (await there.store).#close();
  }

  static async #open(folder: string, options: DatabaseOptions): Promise<LocalStore> {
    const gate = await Gate.at(folder);
    const store = new LocalStore(await openAt(gate, folder, options), gate);
    const door = await store.#bell.listen();
    if (door !== undefined) await store.#register(door, true);
    // At doors where nobody answers any more the bell is taken off.
    store.announce(new Set([TOPIC.doors]));
    store.#lastTransaction = store.#transaction();
    store.#timer = setInterval(() => store.#look(), LOOK_INTERVAL);
    store.#timer.unref();
    return store;
  }

  /**
   * Writes a change, then tells everybody who listens to the topics, in this process and others.
   * @throws what {@link WriteQueue.submit} throws
   */
  async write(change: Change, topics: Iterable<number>): Promise<void> {
    await this.#queue.submit(change);
    failPoint('after-commit');
    this.announce(new Set(topics));
  }

  /** Tells everybody who listens to the topics. */
  announce(topics: ReadonlySet<number>): void {
    if (topics.size === 0) return;
    this.#tell(topics);
    this.#bell.ring(this.#currentDoors(), topics);
  }

  listen(topic: number, listener: Listener): void {
    let listeners = this.#listeners.get(topic);
    if (listeners === undefined) this.#listeners.set(topic, (listeners = new Set()));
    listeners.add(listener);
  }

  unlisten(topic: number, listener: Listener): void {
    const listeners = this.#listeners.get(topic);
    listeners?.delete(listener);
    if (listeners?.size === 0) this.#listeners.delete(topic);
  }

  /** From here on reads see what is committed at this moment. */
  refresh(): void {
    this.db.root.resetReadTxn();
  }

  /** Counts a commit of positions; true at each so-many-th of a partition. */
  isTrimDue(id: number, partition: number, every: number): boolean {
    const name = `${id} ${partition}`;
    const count = ((this.#untrimmed.get(name) ?? 0) + 1) % every;
    this.#untrimmed.set(name, count);
    return count === 0;
  }

  /** Begins a piece of upkeep, unless it is under way here. One that fails is tried again when there is the next reason for it. */
  inBackground(name: string, work: () => Promise<void>): void {
    if (this.#upkeep.has(name) || this.closing) return;
    this.#upkeep.set(name, work().catch(() => undefined).finally(() => this.#upkeep.delete(name)));
  }

  #tell(topics: ReadonlySet<number>): void {
    this.refresh();
    if (topics.has(TOPIC.everything)) {
      for (const listeners of [...this.#listeners.values()]) for (const listener of [...listeners]) listener();
      return;
    }
    for (const topic of topics) for (const listener of [...(this.#listeners.get(topic) ?? [])]) listener();
  }

  #hear(topics: ReadonlySet<number>): void {
    this.#lastTransaction = this.#transaction();
    this.#tell(topics);
  }

  #look(): void {
    const transaction = this.#transaction();
    if (transaction !== this.#lastTransaction) this.#hear(new Set([TOPIC.everything]));
    if (Date.now() - this.#readersChecked < READER_CHECK_INTERVAL) return;
    this.#readersChecked = Date.now();
    this.db.root.readerCheck();
  }

  #transaction(): number {
    this.refresh();
    return (this.db.root.getStats() as { lastTxnId: number }).lastTxnId;
  }

  #currentDoors(): readonly Door[] {
    const version = this.db.meta.getEntry(keys.doors())?.version ?? 0;
    if (version !== this.#doorsVersion) {
      this.#doorsVersion = version;
      this.#doors = Array.from(this.db.meta.getRange({ start: ['door'], end: ['door', '\uffff'] }), ({ key, value }) => ({ id: String(key[1]), path: String(value['path']) }));
    }
    return this.#doors;
  }

  async #register(door: Door, there: boolean): Promise<void> {
    const { meta } = this.db;
    await this.#queue.submit({
      exclusive: true,
      write: () => {
        if (there) void meta.put(keys.door(door.id), fact({ path: door.path, pid: process.pid }), 0);
        else void meta.remove(keys.door(door.id));
        void meta.put(keys.doors(), fact({}), (meta.getEntry(keys.doors())?.version ?? 0) + 1);
        return Promise.resolve(true);
      },
    });
  }

  /** A process is gone without a word: its slots and its door go too. */
  #forget(door: Door): void {
    this.db.root.readerCheck();
    const gone = async (): Promise<void> => {
      await this.#register(door, false);
      await removeDoor(door);
    };
    // A full disk keeps the door; the next ring tries again.
    gone().catch(() => undefined);
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer);
    this.closing = true;
    await Promise.all(this.#upkeep.values());
    await this.#register({ id: this.#bell.id, path: '' }, false).catch(() => undefined);
    await this.#queue.idle();
    await this.#bell.close();
    await this.db.root.close();
    await this.gate.close();
  }
}

async function openAt(gate: Gate, folder: string, options: DatabaseOptions): Promise<Database> {
  try {
    return await gate.alone(() => openDatabase(folder, options));
  } catch (error) {
    await gate.close();
    throw error;
  }
}
