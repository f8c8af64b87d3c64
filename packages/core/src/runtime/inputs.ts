import type { ChannelInputPort } from './input-port.js';

/** The input ports of one operator instance, by name. */
export class Inputs extends Map<string, ChannelInputPort> {
  /** The same ones, to go through in every step. */
  readonly #ports: ChannelInputPort[] = [];

  override set(name: string, port: ChannelInputPort): this {
    this.#ports.push(port);
    return super.set(name, port);
  }

  /** Whether any gives something to `retrieve`. */
  poll(): boolean {
    for (const port of this.#ports) if (port.poll()) return true;
    return false;
  }

  /** Looks whether inputs have ended, where nothing is left to retrieve. True when one just did. */
  checkEnds(): boolean {
    let ended = false;
    for (const port of this.#ports) if (port.checkEnd()) ended = true;
    return ended;
  }

  /** True once every one has ended; always for a source. */
  get areEnded(): boolean {
    for (const port of this.#ports) if (!port.ended) return false;
    return true;
  }

  /** True where one ended because the run drains. */
  get areDrained(): boolean {
    for (const port of this.#ports) if (port.finished === 'drained') return true;
    return false;
  }

  /** True where positions to commit have changed. */
  get haveMoved(): boolean {
    for (const port of this.#ports) if (port.hasMoved) return true;
    return false;
  }

  /** When one has to look again although nothing woke it, on the clock's monotonic scale; Infinity for never. */
  get lookAgainAt(): number {
    let at = Infinity;
    for (const port of this.#ports) at = Math.min(at, port.lookAgainAt);
    return at;
  }

  /** The run drains: what has no end of its own gives nothing more. */
  drain(): void {
    for (const port of this.#ports) port.drain();
  }
}
