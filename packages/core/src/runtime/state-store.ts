import { z } from 'zod';
import type { StateChanges } from '../channel/spi.js';
import { mayTransform } from '../codec/index.js';
import { MillraceError } from '../error/index.js';
import type { PartitionState, StateMetadata } from '../operator/index.js';

const decoder = new TextDecoder();
/** Key of the framework's own part of the state. @internal */
export const DONE_KEY = 'framework';

/** Key of a state value among its owner's: `state/<field>`, or `state/<field>/<partition>`. @internal */
export function stateKey(field: string, partition?: number): string {
  return partition === undefined ? `state/${field}` : `state/${field}/${partition}`;
}

/** The default of a state schema: what it makes of nothing, or of an empty object. @throws ZodError where it needs more */
export function initialState(schema: z.ZodType): unknown {
  const nothing = schema.safeParse(undefined);
  return nothing.success && nothing.data !== undefined ? nothing.data : schema.parse({});
}

/** In memory of its own: a Buffer is a view of a pool, and its `slice` no copy. A TextEncoder takes twice as long for so short a text. */
function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text));
}

/** A value as last committed, and as the operator may have changed it since. */
interface Slot {
  readonly key: string;
  readonly metadata: StateMetadata;
  read(): unknown;
  /** Encoding it is no more than a check, mostly. */
  readonly isPlain: boolean;
  committed: string | undefined;
  pending: string | undefined;
}

/** @internal */
export interface StateStoreOptions {
  readonly replica: string;
  readonly states: readonly StateMetadata[];
  /** As of the last commit. */
  readonly stored: ReadonlyMap<string, Uint8Array>;
  /** Input partitions of this replica, of which there may be more later. */
  readonly partitions: () => readonly number[];
  /** Largest value in bytes. */
  readonly limit: number;
}

/** The `@state` fields of one operator instance: restored from the last commit, compared and written at the next. @internal */
export class StateStore {
  readonly #options: StateStoreOptions;
  readonly #slots: Slot[] = [];
  /** True where the replica was done at its last commit. */
  readonly done: boolean;

  constructor(options: StateStoreOptions) {
    this.#options = options;
    const framework = options.stored.get(DONE_KEY);
    this.done = framework !== undefined && (JSON.parse(decoder.decode(framework)) as { done?: boolean }).done === true;
  }

  /** Sets every `@state` field of an instance. @throws MillraceError `MILLRACE_STATE_INVALID` */
  restore(instance: object): void {
    for (const metadata of this.#options.states) {
      if (metadata.per === 'partition') {
        Object.defineProperty(instance, metadata.name, { value: this.#perPartition(metadata), enumerable: true });
        continue;
      }
      const key = stateKey(metadata.name);
      Object.defineProperty(instance, metadata.name, { value: this.#load(metadata, key), writable: true, enumerable: true, configurable: true });
      this.#add(metadata, key, () => (instance as Record<string, unknown>)[metadata.name]);
    }
  }

  /**
   * What changed since the last commit; `undefined` where nothing did. {@link committed} tells that it was written.
   * @throws MillraceError `MILLRACE_STATE_INVALID`, `MILLRACE_STATE_TOO_LARGE`
   */
  changes(done: boolean): StateChanges | undefined {
    let changes: Map<string, Uint8Array> | undefined;
    for (const slot of this.#slots) {
      const text = this.#encode(slot);
      slot.pending = text;
      if (text === slot.committed) continue;
      const bytes = bytesOf(text);
      const { replica, limit } = this.#options;
      if (bytes.length > limit) throw new MillraceError('MILLRACE_STATE_TOO_LARGE', `${replica} holds ${bytes.length} bytes in ${slot.key}; the backend takes ${limit}: keep less, or one value per partition`, { operator: replica });
      (changes ??= new Map()).set(slot.key, bytes);
    }
    if (done && !this.done) (changes ??= new Map()).set(DONE_KEY, bytesOf(JSON.stringify({ v: 1, done: true })));
    return changes;
  }

  /** The values of the last {@link changes} are durable. */
  committed(): void {
    for (const slot of this.#slots) slot.committed = slot.pending;
  }

  #add(metadata: StateMetadata, key: string, read: () => unknown): void {
    const stored = this.#options.stored.get(key);
    const slot: Slot = { key, metadata, read, isPlain: !mayTransform(metadata.schema), committed: stored && decoder.decode(stored), pending: undefined };
    // Defaults are not written before they change.
    if (stored === undefined) slot.committed = this.#encode(slot);
    this.#slots.push(slot);
  }

  #perPartition(metadata: StateMetadata): PartitionState<unknown> {
    const values = new Map<number, unknown>();
    const { partitions, replica } = this.#options;
    const load = (partition: number): void => {
      if (values.has(partition)) return;
      const read = partitions();
      if (!read.includes(partition)) throw new MillraceError('MILLRACE_STATE_INVALID', `${replica} asks for ${metadata.name} of partition ${partition}, but it reads ${read.join(', ') || 'none'}`, { operator: replica, partition });
      const key = stateKey(metadata.name, partition);
      values.set(partition, this.#load(metadata, key));
      this.#add(metadata, key, () => values.get(partition));
    };
    return {
      get partitions() {
        return partitions();
      },
      get(partition) {
        load(partition);
        return values.get(partition);
      },
      set(partition, value) {
        load(partition);
        values.set(partition, value);
      },
    };
  }

  #load(metadata: StateMetadata, key: string): unknown {
    const stored = this.#options.stored.get(key);
    try {
      return stored === undefined ? initialState(metadata.schema) : z.decode(metadata.schema, JSON.parse(decoder.decode(stored)) as never);
    } catch (cause) {
      throw this.#invalid(key, stored === undefined ? 'has no default' : 'was stored with a schema that does not fit', cause);
    }
  }

  #encode(slot: Slot): string {
    try {
      const { schema } = slot.metadata;
      const value = slot.read();
      if (slot.isPlain) {
        // Many times as quick as z.encode. What it changes, as by a default that an encoding value may not rely on, shows in the text.
        const { success, data } = schema.safeParse(value);
        const text = JSON.stringify(value) as string | undefined;
        if (success && text !== undefined && text === JSON.stringify(data)) return text;
      }
      const text = JSON.stringify(z.encode(schema, value)) as string | undefined;
      if (text === undefined) throw new TypeError('undefined cannot be stored');
      return text;
    } catch (cause) {
      throw this.#invalid(slot.key, 'breaks its schema or has no JSON form', cause);
    }
  }

  #invalid(key: string, what: string, cause: unknown): MillraceError {
    const { replica } = this.#options;
    return new MillraceError('MILLRACE_STATE_INVALID', `the value of ${replica} in ${key} ${what}: ${(cause as Error).message}`, { operator: replica, cause });
  }
}
