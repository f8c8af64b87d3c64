import { avro, type RecordOf } from 'millrace';
import { z } from 'zod';

/** An order; `amount` in hundredths of `currency`. */
export const Order = avro(z.object({ id: z.string(), customer: z.string(), amount: z.int(), currency: z.string() }).meta({ id: 'letters.Order' }));
export type Order = RecordOf<typeof Order>;

/** An order that was charged, in euro cents. */
export const Receipt = avro(z.object({ order: z.string(), customer: z.string(), cents: z.int() }).meta({ id: 'letters.Receipt' }));
export type Receipt = RecordOf<typeof Receipt>;
