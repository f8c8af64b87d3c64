import type { Decoder } from '../codec.js';
import { undecodable } from '../undecodable.js';
import { BinaryDecoder } from './binary-decoder.js';
import { compileRead, type Read } from './compile-read.js';
import type { ReadPlan } from './resolve.js';

/** One for all: reading never runs foreign code, so no two reads are ever under way. */
export const binary = new BinaryDecoder();

/** Reads what a plan says; compiled when the first record comes. */
export class AvroDecoder<T> implements Decoder<T> {
  readonly #plan: ReadPlan;
  readonly #title: string;
  #read: Read | undefined;

  constructor(plan: ReadPlan, title: string) {
    this.#plan = plan;
    this.#title = title;
  }

  decode(bytes: Uint8Array, start: number, end: number): T {
    const read = (this.#read ??= compileRead(this.#plan, this.#title));
    try {
      binary.start(bytes, start, end);
      const value = read(binary) as T;
      binary.finish();
      return value;
    } catch (cause) {
      throw undecodable(this.#title, cause);
    }
  }
}
