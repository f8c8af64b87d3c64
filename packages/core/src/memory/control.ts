import type { Control, Follower } from '../channel/spi.js';

type See = Parameters<Control['follow']>[1];
type Fact = readonly [key: string, value: Uint8Array | undefined];

/** The keyed facts of one pipeline in a space. */
export class ControlLog {
  /** In the order of their latest puts. */
  readonly #facts = new Map<string, Uint8Array>();
  readonly #followers = new Set<ControlFollower>();

  put(key: string, value: Uint8Array): void {
    const copy = new Uint8Array(value);
    this.#facts.delete(key);
    this.#facts.set(key, copy);
    this.#tell([key, copy]);
  }

  remove(key: string): void {
    if (this.#facts.delete(key)) this.#tell([key, undefined]);
  }

  follow(prefix: string, see: See): ControlFollower {
    const follower = new ControlFollower(prefix, see, (ended) => this.#followers.delete(ended));
    this.#followers.add(follower);
    follower.tell([...this.#facts]);
    return follower;
  }

  #tell(fact: Fact): void {
    // A fact put by a follower comes after this one for everybody: first all of them have it, then they look.
    const followers = [...this.#followers];
    for (const follower of followers) follower.enqueue(fact);
    for (const follower of followers) follower.deliver();
  }
}

/** Hands facts to one `see`, in order, one at a time even where `see` puts facts itself. */
export class ControlFollower implements Follower {
  #queue: Fact[] = [];
  #delivering = false;
  #closed = false;

  constructor(
    private readonly prefix: string,
    private readonly see: See,
    private readonly onClose: (follower: ControlFollower) => void,
  ) {}

  tell(facts: readonly Fact[]): void {
    for (const fact of facts) this.enqueue(fact);
    this.deliver();
  }

  enqueue(fact: Fact): void {
    if (fact[0].startsWith(this.prefix)) this.#queue.push(fact);
  }

  deliver(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    for (let fact = this.#queue.shift(); fact !== undefined && !this.#closed; fact = this.#queue.shift()) {
      try {
        this.see(...fact);
      } catch (error) {
        // Neither the one who put the fact nor the other followers can do anything about it, yet it must not get lost: it
        // becomes an uncaught exception, as an error in a listener of an EventTarget does.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
    this.#delivering = false;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#queue = [];
    this.onClose(this);
  }
}
