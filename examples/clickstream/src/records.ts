import { avro, type RecordOf } from 'millrace';
import { z } from 'zod';

/** A page that a user looked at; `at` in epoch ms. */
export const Click = avro(z.object({ user: z.string(), page: z.string(), at: z.int() }).meta({ id: 'clickstream.Click' }));
export type Click = RecordOf<typeof Click>;

export const session = z.object({ user: z.string(), from: z.int(), to: z.int(), pages: z.array(z.string()) }).meta({ id: 'clickstream.Session' });
/** Clicks of a user that came shortly after each other: the times of the first and the last, and the pages in their order. */
export const Session = avro(session);
export type Session = RecordOf<typeof Session>;
