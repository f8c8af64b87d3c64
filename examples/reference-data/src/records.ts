import { avro, type RecordOf } from 'millrace';
import { z } from 'zod';

export const euroBy = z.record(z.string(), z.number());

/** Reference data: what one of each currency is worth in euro on a day, as `2026-03-01`. */
export const Rates = avro(z.object({ day: z.string(), euro: euroBy }).meta({ id: 'reference.Rates' }));
export type Rates = RecordOf<typeof Rates>;

/** A payment; `amount` in hundredths of `currency`. */
export const Payment = avro(z.object({ id: z.string(), account: z.string(), day: z.string(), amount: z.int(), currency: z.string() }).meta({ id: 'reference.Payment' }));
export type Payment = RecordOf<typeof Payment>;

/** A payment with its worth on its day, in euro cents. */
export const Converted = avro(z.object({ id: z.string(), account: z.string(), cents: z.int() }).meta({ id: 'reference.Converted' }));
export type Converted = RecordOf<typeof Converted>;
