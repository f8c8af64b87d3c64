import { IndexSet } from './index-set.js';
import type { Acknowledged } from './ledger.js';
import { keyOf, KEYS, type Result } from './records.js';

/** Of what was lost, so much is named. */
const SHOWN = 100;

/** What the checker found. */
export interface Findings {
  /** Records that were acknowledged to their sender. */
  readonly sent: number;
  /** Of these, how many never came out. */
  readonly lost: number;
  /** How many came out more than once, each time counted. */
  readonly duplicated: number;
  /** How many of a key came out after a later one of it had been there. Another copy of what was there already does not count. */
  readonly reordered: number;
  /** The first of what was lost: `record 17 of source 0`, and of which life where another one's came out. */
  readonly missing: readonly string[];
}

/**
 * Compares what came out of a pipeline with what was acknowledged to its sources. A record is known by its source, its index and
 * the life of the source that sent it: what an acknowledged life sent is not made up for by another life that sends the index anew.
 * Needs about a bit for each record and life.
 */
export class RecordChecker {
  readonly #sources = new Map<number, { readonly all: IndexSet; readonly lives: Map<number, IndexSet> }>();
  readonly #counts = new Map<string, number>();
  #records = 0;
  #duplicated = 0;
  #reordered = 0;
  #miscounted = 0;

  /** Records that came out so far. */
  get records(): number {
    return this.#records;
  }

  /** Records whose count is not that of the records of their key before them: right with exactly-once only. */
  get miscounted(): number {
    return this.#miscounted;
  }

  /** The highest count that came out, by key. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  /** Takes a record that came out. */
  see(record: Result): void {
    const { source, index, life, count } = record;
    const { all, lives } = this.#source(source);
    let own = lives.get(life);
    if (own === undefined) lives.set(life, (own = new IndexSet()));
    const isNew = all.add(index);
    const isFirstOfLife = own.add(index);
    this.#records++;
    if (!isNew) this.#duplicated++;
    if ((isNew && all.has(index + KEYS)) || (isFirstOfLife && own.has(index + KEYS))) this.#reordered++;
    const key = keyOf(record);
    if (count !== Math.floor(index / KEYS) + 1) this.#miscounted++;
    this.#counts.set(key, Math.max(count, this.#counts.get(key) ?? 0));
  }

  /**
   * The balance, once everything has come out.
   * @param acknowledged what the ledger says
   * @param committed by source, how many records its committed state says that it sent
   */
  balance(acknowledged: Iterable<Acknowledged>, committed: ReadonlyMap<number, number>): Findings {
    let sent = 0;
    let lost = 0;
    const missing: string[] = [];
    const miss = (what: string): void => {
      lost++;
      if (missing.length < SHOWN) missing.push(what);
    };
    for (const [source, count] of committed) {
      const { all } = this.#source(source);
      for (let index = 0; index < count; index++) if (!all.has(index)) miss(`record ${index} of source ${source}, which sent ${count}`);
    }
    for (const { source, life, from, to } of acknowledged) {
      const { all, lives } = this.#source(source);
      const own = lives.get(life);
      sent += to - from;
      for (let index = from; index < to; index++) {
        // What no life's record came out for was counted above, where the state tells of it.
        if (own?.has(index) !== true && (all.has(index) || index >= (committed.get(source) ?? 0))) miss(`record ${index} of life ${life} of source ${source}, acknowledged from ${from} to ${to}`);
      }
    }
    return { sent, lost, duplicated: this.#duplicated, reordered: this.#reordered, missing };
  }

  #source(source: number) {
    let found = this.#sources.get(source);
    if (found === undefined) this.#sources.set(source, (found = { all: new IndexSet(), lives: new Map<number, IndexSet>() }));
    return found;
  }
}
