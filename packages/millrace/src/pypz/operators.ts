import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { avro, input, InputPort, Operator, operator, output, OutputPort, type AvroSchema, type ParametersOf } from '../index.js';

/** The record of the pypz operators in `fixtures/pypz`. */
export interface Sample {
  readonly id: number;
  readonly writer: string;
  readonly text: string;
  readonly small: number;
  readonly ratio: number;
  readonly half: number;
  readonly flag: boolean;
  readonly raw: Uint8Array;
  readonly maybe: string | null;
  readonly tags: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
  readonly kind: string;
}

const golden = JSON.parse(readFileSync(new URL('../../../kafka-io/fixtures/pypz/kafka-pipeline-1-1.json', import.meta.url), 'utf8')) as { readonly schema: AvroSchema };
const Sample = avro<Sample>(golden.schema);

/** As `make_record` in `operators.py`. */
export function sample(writer: string, i: number): Sample {
  return {
    id: i,
    writer,
    text: `hello ${i} \u00e9\u4e16`,
    small: 0 - i,
    ratio: i / 4,
    half: i / 2,
    flag: i % 2 === 0,
    raw: Uint8Array.of(i % 256, 255 - (i % 256)),
    maybe: i % 3 === 0 ? null : `maybe ${i}`,
    tags: Array.from({ length: i % 3 }, (_, k) => `t${k}`),
    counts: i % 2 === 1 ? {} : { n: i, big: i * 10_000_000_000 },
    kind: ['RED', 'GREEN', 'BLUE'][i % 3]!,
  };
}

/** Sends `count` records, a batch at a step; the one with the number `bad` breaks the schema. */
@operator(import.meta)
export class Writer extends Operator {
  static override readonly parameters = z.object({ count: z.int().default(0), batch: z.int().default(5), bad: z.int().default(-1) });
  declare readonly parameters: ParametersOf<typeof Writer>;
  @output(Sample) declare readonly output_port: OutputPort<Sample>;
  #sent = 0;

  override async onRunning() {
    const { count, batch, bad } = this.parameters;
    const upto = Math.min(count, this.#sent + batch);
    await this.output_port.send(Array.from({ length: upto - this.#sent }, (_, i) => ({ ...sample(this.context.name, this.#sent + i), ...(this.#sent + i === bad ? { text: 7 as never } : {}) })));
    this.#sent = upto;
    return this.#sent >= count;
  }
}

/** Gives what it reads to the test that asked for it. */
@operator(import.meta)
export class Reader extends Operator {
  static readonly got = new Map<string, { readonly replica: string; readonly value: Sample }[]>();
  static override readonly parameters = z.object({ into: z.string().default('') });
  declare readonly parameters: ParametersOf<typeof Reader>;
  @input(Sample) declare readonly input_port: InputPort<Sample>;

  override onRunning() {
    for (const value of this.input_port.retrieve()) Reader.got.get(this.parameters.into)?.push({ replica: this.context.name, value });
  }
}

/** Stands for pypz's operator in the plan; it is never run here. */
@operator(import.meta)
export class Relay extends Operator {
  @input(Sample) declare readonly input_port: InputPort<Sample>;
  @output(Sample) declare readonly output_port: OutputPort<Sample>;

  override onRunning(): never {
    throw new Error('pypz runs it');
  }
}

/** Sends on what it reads. */
@operator(import.meta)
export class Forward extends Operator {
  @input(Sample) declare readonly input_port: InputPort<Sample>;
  @output(Sample) declare readonly output_port: OutputPort<Sample>;

  override async onRunning() {
    await this.output_port.send(this.input_port.retrieve());
  }
}

/** As the pypz reader writes it down. */
export function asPypzReads({ raw, ...rest }: Sample): Readonly<Record<string, unknown>> {
  return { ...rest, raw: Buffer.from(raw).toString('hex') };
}
