import { avro, type RecordOf } from 'millrace';
import { z } from 'zod';

/** What a client asks for. */
export const wish = z.object({ item: z.string().min(1), quantity: z.int().positive() });
export type Wish = z.output<typeof wish>;

export const Inquiry = avro(wish.extend({ id: z.string() }).meta({ id: 'quotes.Inquiry' }));
export type Inquiry = RecordOf<typeof Inquiry>;

/** An inquiry with its price. */
export const Quote = avro(wish.extend({ id: z.string(), cents: z.int() }).meta({ id: 'quotes.Quote' }));
export type Quote = RecordOf<typeof Quote>;
