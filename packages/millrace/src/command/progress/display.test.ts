import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { colorsOf } from '../terminal.js';
import { displayOn } from './display.js';
import type { ProgressRow } from './rows.js';
import { tableOf } from './text.js';

const row = (operator: string, more: Partial<ProgressRow> = {}): ProgressRow => ({ operator, stage: 'running', records: 1_234_567, perSecond: 2_500, lag: 0, restarts: 0, ...more });

/** What is on the screen after everything that was written: understands what the table uses. */
class Screen extends PassThrough {
  readonly isTTY = true;
  readonly columns = 60;
  readonly rows = 10;
  readonly #lines: string[] = [''];
  #row = 0;
  #column = 0;

  override write(chunk: string | Uint8Array): boolean {
    // eslint-disable-next-line no-control-regex
    for (const [, count = '', letter, text] of String(chunk).matchAll(/\u001b\[([\d;?]*)([A-Za-z])|(\n|[^\u001b\n]+)/g)) {
      const line = this.#lines[this.#row] ?? '';
      if (text === '\n') [this.#row, this.#column] = [this.#row + 1, 0];
      else if (text !== undefined) {
        this.#lines[this.#row] = line.slice(0, this.#column).padEnd(this.#column) + text + line.slice(this.#column + text.length);
        this.#column += text.length;
      }
      if (letter === 'A') this.#row -= Number(count || 1);
      if (letter === 'B') this.#row += Number(count || 1);
      if (letter === 'G') this.#column = 0;
      if (letter === 'K') this.#lines[this.#row] = count === '2' ? '' : line.slice(0, this.#column);
    }
    return true;
  }

  get text(): string {
    return Array.from(this.#lines, (line) => line ?? '').join('\n').trimEnd();
  }
}

it('fits the terminal', () => {
  const table = tableOf(Array.from({ length: 30 }, (_, i) => row(`operator-with-a-name-${i}`)), 1_500, { columns: 50, rows: 8 }, colorsOf(new PassThrough(), {}));
  const lines = table.split('\n');
  expect(lines).toHaveLength(7);
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(50);
  expect(lines.at(-1)).toBe('1.5 s, and 25 more operators');
});

it('is one table that changes, below what others write', () => {
  const screen = new Screen();
  const display = displayOn(screen, {});
  display.show([row('reader', { records: 1 })], 1_000);
  display.show([row('reader', { records: 2, lag: 5, restarts: 1 })], 2_000);
  expect(screen.text.match(/operator/g)).toHaveLength(1);
  expect(screen.text).toMatch(/reader +running +2 +2\.5K\/s +5 +1/);
  screen.write('somebody says this\n');
  expect(screen.text).toBe('somebody says this');
  display.show([row('reader', { records: 3 })], 3_000);
  screen.write('and begins a ');
  display.show([row('reader', { records: 4 })], 4_000);
  screen.write('line\n');
  display.show([row('reader', { records: 5 })], 5_000);
  display.end();
  expect(screen.text).toMatch(/^somebody says this\nand begins a line\n.*operator.*\n.*reader +running +5 .*\n.*5\.0 s/);
  screen.write('after it\n');
  expect(screen.text).toMatch(/5\.0 s[^\n]*\nafter it$/);
});

it('is a line each time where there is no terminal, and nothing when quiet', () => {
  const stream = new PassThrough();
  const display = displayOn(stream, {});
  display.show([row('source', { lag: undefined }), row('sink', { lag: 3, restarts: 2, stage: '1 running, 1 closed' })], 1_000);
  displayOn(stream, { quiet: true }).show([row('x')], 1);
  expect(String(stream.read())).toBe('1.0 s  source 1,234,567 (2,500/s)  sink 1,234,567 (2,500/s, lag 3, restarts 2, 1 running, 1 closed)\n');
});
