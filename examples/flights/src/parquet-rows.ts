import { decompress } from 'fzstd';
import { asyncBufferFromFile, parquetScan, type DecodedArray, type ParquetRowRange, type ParquetScan } from 'hyparquet';
import type { Row } from './records.js';

const compressors = { ZSTD: (input: Uint8Array, length: number) => decompress(input, new Uint8Array(length)) };
const COLUMNS = ['date', 'delay', 'distance', 'origin', 'destination'] as const satisfies readonly (keyof Row)[];

/** The rows of a Parquet file from any place on. One group of rows, as the file has them, is in memory at a time, by column. */
export class ParquetRows {
  readonly length: number;
  readonly #scan: ParquetScan;
  #group: ParquetRowRange = { rowStart: 0, rowEnd: 0 };
  #columns: readonly DecodedArray[] = [];

  private constructor(scan: ParquetScan) {
    this.#scan = scan;
    this.length = Number(scan.metadata.num_rows);
  }

  static async open(path: string): Promise<ParquetRows> {
    return new ParquetRows(await parquetScan({ file: await asyncBufferFromFile(path), columns: [...COLUMNS], compressors }));
  }

  /** At most `count` rows from row `from` on: at least one, unless the file or `count` ends there. */
  async read(from: number, count: number): Promise<Row[]> {
    if (count === 0 || from >= this.length) return [];
    if (from < this.#group.rowStart || from >= this.#group.rowEnd) {
      this.#group = this.#scan.ranges.find(({ rowEnd }) => from < rowEnd)!;
      this.#columns = await Promise.all(COLUMNS.map((column) => this.#scan.readColumn({ column, ...this.#group })));
    }
    const start = from - this.#group.rowStart;
    return Array.from({ length: Math.min(count, this.#group.rowEnd - from) }, (_, i) => this.#row(start + i));
  }

  #row(i: number): Row {
    const [date, delay, distance, origin, destination] = this.#columns.map((column) => (column[i] as unknown) ?? null);
    return { date, delay, distance, origin, destination } as Row;
  }
}
