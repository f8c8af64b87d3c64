import type { Control, Follower } from '@millrace/core';

type See = Parameters<Control['follow']>[1];
interface Fact { readonly key: string; readonly value: Uint8Array | undefined; readonly number: number }
interface Following { readonly prefix: string; readonly see: See; readonly since: number }

/** The facts of a pipeline: the latest of each key, and who is told of the next. */
export class Facts {
  /** In the order of their puts. */
  readonly #latest = new Map<string, Fact>();
  readonly #followers = new Set<Following>();
  readonly #untold: Fact[] = [];
  #telling = false;
  #number = 0;

  /** @param value undefined removes */
  put(key: string, value: Uint8Array | undefined): void {
    if (value === undefined && !this.#latest.has(key)) return;
    const fact = { key, value: value && new Uint8Array(value), number: ++this.#number };
    this.#latest.delete(key);
    if (value !== undefined) this.#latest.set(key, fact);
    this.#untold.push(fact);
    this.#tell();
  }

  follow(prefix: string, see: See): Follower {
    const following = { prefix, see, since: this.#number };
    for (const fact of [...this.#latest.values()]) show(fact, following);
    this.#followers.add(following);
    return {
      close: async () => {
        this.#followers.delete(following);
      },
    };
  }

  /** One fact after the other, to all: also where somebody who is told puts another. */
  #tell(): void {
    if (this.#telling) return;
    this.#telling = true;
    for (let fact = this.#untold.shift(); fact !== undefined; fact = this.#untold.shift()) {
      for (const following of [...this.#followers]) if (fact.number > following.since && this.#followers.has(following)) show(fact, following);
    }
    this.#telling = false;
  }
}

function show({ key, value }: Fact, { prefix, see }: Following): void {
  if (!key.startsWith(prefix)) return;
  try {
    see(key, value);
  } catch (error) {
    // It is nobody's here, and must not be lost.
    queueMicrotask(() => {
      throw error;
    });
  }
}
