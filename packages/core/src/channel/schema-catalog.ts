import type { Codec, WriterSchema } from '../codec/index.js';
import { decodeFact, encodeFact, FactKey } from './facts.js';
import type { Control, Follower } from './spi.js';

/** How long a reader waits for a schema that a record names and that is not known yet. */
export const SCHEMA_WAIT_MS = 30_000;

/** External channels belong to no pipeline, so their schemas cannot stand in a control of one: those of this process are known here. */
const processWide = new Map<string, WriterSchema>();

/**
 * The schemas that the records of a pipeline were written with. A writer publishes its own before its first record; a reader
 * looks up what it meets, and where control lags behind data it waits.
 * @internal
 */
export class SchemaCatalog {
  readonly #control: Control;
  readonly #known = new Map<string, WriterSchema>();
  readonly #published = new Map<string, Promise<void>>();
  readonly #watchers = new Set<() => void>();
  #follower: Follower | undefined;

  private constructor(control: Control) {
    this.#control = control;
  }

  /** Resolves once all schemas published before are known. */
  static async open(control: Control): Promise<SchemaCatalog> {
    const catalog = new SchemaCatalog(control);
    catalog.#follower = await control.follow(FactKey.schemas, (key, value) => {
      const fact = value && decodeFact<WriterSchema>(value);
      if (!fact) return;
      const fingerprint = key.slice(FactKey.schemas.length);
      catalog.#known.set(fingerprint, { fingerprint, format: fact.format, schema: fact.schema });
      for (const wake of catalog.#watchers) wake();
    });
    return catalog;
  }

  /** Makes the codec's schema known to every reader; once per fingerprint. */
  publish(codec: Codec<unknown>): Promise<void> {
    const { fingerprint, format, schema, name } = codec;
    processWide.set(fingerprint, { fingerprint, format, schema });
    let published = this.#published.get(fingerprint);
    if (published === undefined) {
      published = this.#known.get(fingerprint)?.schema === schema ? Promise.resolve() : this.#control.put(FactKey.schema(fingerprint), encodeFact({ format, name, schema }));
      this.#published.set(fingerprint, published);
    }
    return published;
  }

  get(fingerprint: string): WriterSchema | undefined {
    return this.#known.get(fingerprint) ?? processWide.get(fingerprint);
  }

  /** Calls `wake` when a schema becomes known. Returns how to end that. */
  watch(wake: () => void): () => void {
    this.#watchers.add(wake);
    return () => void this.#watchers.delete(wake);
  }

  async close(): Promise<void> {
    await this.#follower?.close();
  }
}
