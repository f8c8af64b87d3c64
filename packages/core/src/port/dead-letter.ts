import { z } from 'zod';
import { avro, type RecordOf } from '../codec/index.js';

/** Bytes over any kind of buffer; what `z.instanceof` infers by itself leaves out those of Node's pools. */
const Bytes: z.ZodType<Uint8Array> = z.instanceof(Uint8Array);

/** A record that could not be processed, with everything needed to look at it, mend the cause and send it again. */
export const DeadLetter = avro(
  z
    .object({
      /** Encoded value as it came; `null` where there was none. Where the channel carries objects: their encoding by the port's schema. */
      value: Bytes.nullable(),
      key: Bytes.nullable(),
      headers: z.array(z.object({ name: z.string(), value: Bytes }).meta({ id: 'DeadLetterHeader' })),
      /** Epoch ms of the record itself. */
      timestamp: z.int(),
      channel: z.string(),
      partition: z.int(),
      offset: z.int(),
      /** Fingerprint of the schema that the value was written with. */
      schema: z.string(),
      /** Replica that gave up, as `pipeline.operator#0`, and its port. */
      operator: z.string(),
      port: z.string(),
      /** How often it was tried. */
      attempts: z.int(),
      cause: z.object({ code: z.string().nullable(), message: z.string(), stack: z.string().nullable() }).meta({ id: 'DeadLetterCause' }),
    })
    .meta({ id: 'DeadLetter' }),
);
export type DeadLetter = RecordOf<typeof DeadLetter>;
