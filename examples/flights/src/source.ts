import { operator, Operator, output, OutputPort, state, type ParametersOf } from 'millrace';
import { z } from 'zod';
import { ParquetRows } from './parquet-rows.js';
import { Row } from './records.js';

@operator(import.meta, { description: 'Reads rows from a Parquet file.' })
export class FlightSource extends Operator {
  static override readonly parameters = z.object({
    file: z.string().describe('Path of the file.'),
    rows: z.int().positive().default(Number.MAX_SAFE_INTEGER).describe('Ends after so many rows, or with the file.'),
    batchSize: z.int().positive().default(2_000),
  });
  declare readonly parameters: ParametersOf<typeof FlightSource>;
  @output(Row) declare readonly rows: OutputPort<Row>;
  /** Committed with the rows that were sent: the next start goes on with the row after them. */
  @state(z.object({ read: z.int().default(0) })) declare progress: { read: number };
  #file!: ParquetRows;

  override async onInit() {
    this.#file = await ParquetRows.open(this.parameters.file);
  }

  override async onRunning() {
    const { rows, batchSize } = this.parameters;
    const end = Math.min(rows, this.#file.length);
    const batch = await this.#file.read(this.progress.read, Math.min(batchSize, end - this.progress.read));
    await this.rows.send(batch);
    this.progress.read += batch.length;
    return this.progress.read === end;
  }
}
