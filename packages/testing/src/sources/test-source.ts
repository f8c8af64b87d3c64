import { MillraceError, Operator, operator, output, OutputPort, state, type Codec, type OperatorClass, type SendOptions } from '@millrace/core';
import { z } from 'zod';
import { ABORT, EOF, isMark, Pause, type ScriptItem } from './marks.js';

/** A source that plays a script. */
export interface TestSource<T> extends Operator {
  readonly out: OutputPort<T>;
}

/** How a {@link testSource} sends. */
export interface TestSourceOptions<in T> extends SendOptions<T> {
  /** Most records in one step. Default: all up to the next mark. */
  readonly batch?: number;
}

const Progress = z.object({ next: z.int().default(0) });

/**
 * Makes an operator class without inputs that sends a script to its output `out`: records, and marks of what happens between
 * them. How far it has come is committed with what it sent, so that the next start goes on from there. Without {@link EOF} at
 * its end the source stays, and sends nothing more. Each replica plays the whole script.
 *
 * @throws MillraceError `MILLRACE_OPTION_INVALID` where something follows `EOF`
 */
export function testSource<T>(codec: Codec<T>, script: readonly ScriptItem<T>[], { batch = Infinity, ...options }: TestSourceOptions<T> = {}): OperatorClass<TestSource<T>> {
  if (script.indexOf(EOF) >= 0 && script.indexOf(EOF) < script.length - 1) throw new MillraceError('MILLRACE_OPTION_INVALID', 'a source is done at EOF; nothing in its script may follow');
  const aborted = new Set<string>();

  @operator(undefined, { name: 'TestSource' })
  class ScriptedSource extends Operator implements TestSource<T> {
    @output(codec) declare readonly out: OutputPort<T>;
    @state(Progress) declare progress: z.output<typeof Progress>;
    #waitsAt: Pause | undefined;

    override async onRunning(): Promise<boolean> {
      const { progress } = this;
      const values = this.#valuesAt(progress.next);
      if (values.length > 0) {
        await this.out.send(values, options);
        progress.next += values.length;
        return false;
      }
      const mark = script[progress.next];
      if (mark instanceof Pause) return this.#wait(mark);
      if (mark === ABORT) this.#abort();
      if (mark !== undefined) progress.next++;
      return mark === ABORT ? await this.onRunning() : mark === EOF;
    }

    /** The records from here up to the next mark, not more than a batch. */
    #valuesAt(from: number): T[] {
      const values: T[] = [];
      for (let i = from; i < script.length && values.length < batch; i++) {
        const item = script[i]!;
        if (isMark(item)) break;
        values.push(item);
      }
      return values;
    }

    /** Once for each replica: else no start would ever come past it. */
    #abort(): void {
      const place = `${this.context.name} ${this.progress.next}`;
      if (aborted.has(place)) return;
      aborted.add(place);
      throw new Error(`${this.context.name} came to ABORT in its script, at ${this.progress.next}`);
    }

    /** The first call sends nothing, so that what was sent before is committed when the next one comes. */
    #wait(pause: Pause): boolean {
      if (this.#waitsAt !== pause) {
        this.#waitsAt = pause;
        void pause.resumed.then(() => this.wake());
        this.wake();
        return false;
      }
      pause.arrive();
      if (!pause.isOver) return false;
      this.progress.next++;
      this.wake();
      return false;
    }
  }
  return ScriptedSource;
}
