import { avro, json, type RecordOf } from '@millrace/core';
import { z } from 'zod';

const sent = {
  /** The replica that sent it. */
  source: z.int(),
  /** Numbers the records of a source from 0 on. */
  index: z.int(),
  /** The life of the source that sent it. Another life that sends the same index sends another record. */
  life: z.int(),
};
const counted = {
  ...sent,
  /** Records of its key that the counter had seen with it. */
  count: z.int(),
};

export const Sent = avro(z.object(sent).meta({ id: 'millrace.crash.Sent' }));
export type Sent = RecordOf<typeof Sent>;

export const Counted = avro(z.object(counted).meta({ id: 'millrace.crash.Counted' }));
export type Counted = RecordOf<typeof Counted>;

/** As the last operator writes it for the checker, which reads without the pipeline's help. */
export const Result = json(z.object(counted));
export type Result = RecordOf<typeof Result>;

/** Keys of each source: its records go round them. */
export const KEYS = 16;

export function keyOf({ source, index }: Sent): string {
  return `${source}/${index % KEYS}`;
}
