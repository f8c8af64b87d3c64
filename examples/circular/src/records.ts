import { avro, type RecordOf } from 'millrace';
import { z } from 'zod';

/** A page to be read, and how many links it is away from where the crawl began. */
export const Task = avro(z.object({ url: z.string(), depth: z.int() }).meta({ id: 'crawl.Task' }));
export type Task = RecordOf<typeof Task>;

/** A page that was read, and where it leads. One for each task. */
export const Page = avro(z.object({ url: z.string(), depth: z.int(), links: z.array(z.string()) }).meta({ id: 'crawl.Page' }));
export type Page = RecordOf<typeof Page>;
