import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { avro, input, InputPort, operator, Operator, Pipeline, type EndReason, type ParametersOf, type RecordOf } from 'millrace';
import { z } from 'zod';

export const Order = avro(z.object({ id: z.string(), customer: z.string(), cents: z.int() }).meta({ id: 'com.acme.Order' }));
export type Order = RecordOf<typeof Order>;

/** A file that is not full yet: the offset of its first record, and its lines. */
interface Open {
  readonly first: number;
  readonly lines: string[];
}

@operator(import.meta, { description: 'Writes records into files of JSON lines.' })
export class JsonlFiles extends Operator {
  static override readonly parameters = z.object({
    folder: z.string(),
    records: z.int().positive().default(1_000).describe('Lines of a file; the last one of a job may have fewer.'),
  });
  declare readonly parameters: ParametersOf<typeof JsonlFiles>;
  @input(Order) declare readonly orders: InputPort<Order>;
  readonly #open = new Map<number, Open>();

  override async onInit() {
    await mkdir(this.parameters.folder, { recursive: true });
  }

  override async onRunning() {
    for (const { value, partition, offset } of this.orders.retrieveEntries()) {
      const file = this.#open.get(partition) ?? { first: offset, lines: [] };
      this.#open.set(partition, file);
      file.lines.push(JSON.stringify(value));
      if (file.lines.length === this.parameters.records) await this.#write(partition, file);
    }
    this.#holdPositions();
  }

  /** A job that reads up to the end of the topic writes what is left. Otherwise it comes again with the next start. */
  override async onShutdown(reason: EndReason) {
    if (reason !== 'done') return;
    for (const [partition, file] of this.#open) await this.#write(partition, file);
    this.#holdPositions();
  }

  /** It is there as a whole or not at all. One that was there before a crash is replaced by itself. */
  async #write(partition: number, { first, lines }: Open): Promise<void> {
    const path = join(this.parameters.folder, `${partition}-${String(first).padStart(12, '0')}.jsonl`);
    await writeFile(`${path}.part`, `${lines.join('\n')}\n`, { flush: true });
    await rename(`${path}.part`, path);
    this.#open.delete(partition);
  }

  /** Positions are committed up to the end of a file, never within one: so after a crash each file begins where it began before. */
  #holdPositions(): void {
    for (const partition of this.orders.partitions) this.orders.retainFrom(partition, this.#open.get(partition)?.first ?? Infinity);
  }
}

export interface ExportOptions {
  /** Address of the topic, with its format and group. */
  readonly orders: string;
  readonly folder: string;
  /** Lines of a file. Default 1,000. */
  readonly records?: number | undefined;
  /** They share the partitions. Default 1. */
  readonly replicas?: number | undefined;
}

/** From a topic of somebody else to files. What is no order is skipped. */
export class Export extends Pipeline {
  readonly files;

  constructor(name: string, { orders, folder, records, replicas = 1 }: ExportOptions) {
    super(name);
    this.files = this.add(JsonlFiles, { folder, records }, { replicas, ports: { orders: { onError: 'skip' } } });
    this.files.orders.from(orders);
  }
}
