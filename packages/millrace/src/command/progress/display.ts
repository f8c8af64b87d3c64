import { createLogUpdate } from 'log-update';
import { colorsOf, type Stream } from '../terminal.js';
import type { ProgressRow } from './rows.js';
import { lineOf, tableOf } from './text.js';

/** Where a run's progress is shown while it goes on. */
export interface Display {
  show(rows: readonly ProgressRow[], elapsedMs: number): void;
  /** Nothing more comes. */
  end(): void;
}

/** As told: nothing, lines of JSON, or a table that changes on a terminal and lines elsewhere. */
export function displayOn(stream: Stream, { quiet = false, json = false }: { readonly quiet?: boolean; readonly json?: boolean }): Display {
  if (quiet) return { show() {}, end() {} };
  if (json) return { show: (rows, elapsedMs) => void stream.write(`${JSON.stringify({ event: 'progress', elapsedMs: Math.round(elapsedMs), operators: rows.map((row) => ({ ...row, perSecond: Math.round(row.perSecond) })) })}\n`), end() {} };
  // Some terminals of tools say that they are none columns wide.
  if (stream.isTTY !== true || stream.columns === 0 || stream.rows === 0 || process.env['TERM'] === 'dumb') return { show: (rows, elapsedMs) => void stream.write(`${lineOf(rows, elapsedMs)}\n`), end() {} };
  return new LiveTable(stream);
}

/**
 * A table at the end of what a terminal shows. What anything else writes there, an operator or a log, comes above it: the table is
 * taken away before and drawn again at the next chance.
 */
class LiveTable implements Display {
  readonly #stream: Stream;
  readonly #update: ReturnType<typeof createLogUpdate>;
  readonly #restore: () => void;
  #isDrawing = false;
  #isShown = false;
  /** Somebody's line is not at its end yet. */
  #isMidLine = false;
  #draw = (): void => {};

  constructor(stream: Stream) {
    this.#stream = stream;
    this.#update = createLogUpdate(stream);
    const streams = [...new Set([stream, process.stdout, process.stderr])].filter(({ isTTY }) => isTTY === true);
    const writes = streams.map((each) => this.#stepAsideFor(each));
    this.#restore = () => writes.forEach((restore) => restore());
  }

  show(rows: readonly ProgressRow[], elapsedMs: number): void {
    const { columns = 80, rows: height = 24 } = this.#stream;
    this.#draw = () => this.#own(() => this.#update(tableOf(rows, elapsedMs, { columns, rows: height }, colorsOf(this.#stream))));
    if (this.#isMidLine) return;
    this.#draw();
    this.#isShown = true;
  }

  end(): void {
    this.#restore();
    if (!this.#isMidLine) this.#draw();
    // Leaves the last table, and gives the cursor back.
    this.#update.done();
  }

  #own(write: () => void): void {
    this.#isDrawing = true;
    try {
      write();
    } finally {
      this.#isDrawing = false;
    }
  }

  #stepAsideFor(stream: Stream): () => void {
    // A method of the stream's own class comes back when the one put before it is deleted.
    const write = stream.write.bind(stream) as (...args: readonly unknown[]) => boolean;
    stream.write = (...args: readonly unknown[]): boolean => {
      if (!this.#isDrawing) {
        if (this.#isShown) this.#own(() => this.#update.clear());
        this.#isShown = false;
        const chunk = args[0] as string | Uint8Array;
        if (chunk.length > 0) this.#isMidLine = typeof chunk === 'string' ? !chunk.endsWith('\n') : chunk.at(-1) !== 0x0a;
      }
      return write(...args);
    };
    return () => void Reflect.deleteProperty(stream, 'write');
  }
}
