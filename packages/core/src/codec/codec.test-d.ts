import { expectTypeOf } from 'vitest';
import { z } from 'zod';
import { avro, bytes, haveSameValues, incompatibilities, json, lazy, text, type Codec, type Decoder, type LazyCodec, type LazyRecord, type RecordOf, type WholeOf, type WriterSchema } from './index.js';

const Wide = avro(z.object({ text: z.string(), more: z.int() }).meta({ id: 'Wide' }));
const Narrow = avro(z.object({ text: z.string() }).meta({ id: 'Narrow' }));

// A record is what the schema puts out, whatever it takes in.
expectTypeOf<RecordOf<typeof Wide>>().toEqualTypeOf<{ text: string; more: number }>();
const Out = avro(z.object({ maybe: z.int().optional(), n: z.int().default(1), at: z.date(), big: z.int64(), data: z.instanceof(Uint8Array), mode: z.enum(['a', 'b']), exact: z.string().exactOptional() }).meta({ id: 'Out' }));
expectTypeOf<Pick<RecordOf<typeof Out>, 'maybe' | 'exact'>>().toEqualTypeOf<{ maybe?: number | undefined; exact?: string }>();
expectTypeOf<RecordOf<typeof Out>['n']>().toEqualTypeOf<number>();
expectTypeOf<RecordOf<typeof Out>['at']>().toEqualTypeOf<Date>();
expectTypeOf<RecordOf<typeof Out>['big']>().toEqualTypeOf<bigint>();
expectTypeOf<RecordOf<typeof Out>['mode']>().toEqualTypeOf<'a' | 'b'>();
expectTypeOf<RecordOf<typeof Out>['data']>().toExtend<Uint8Array>();
expectTypeOf(json(z.object({ a: z.array(z.string()) }))).toEqualTypeOf<Codec<{ a: string[] }>>();
expectTypeOf(text()).toEqualTypeOf<Codec<string>>();
expectTypeOf(bytes()).toEqualTypeOf<Codec<Uint8Array>>();
expectTypeOf<RecordOf<string>>().toEqualTypeOf<never>();

// A schema of Avro says nothing to TypeScript: the caller does.
expectTypeOf(avro('{"type":"string"}')).toEqualTypeOf<Codec<unknown>>();
expectTypeOf(avro<{ id: number }>({ type: 'record', name: 'A', fields: [{ name: 'id', type: 'int' }] })).toEqualTypeOf<Codec<{ id: number }>>();
// @ts-expect-error an object without type is no schema
avro({ name: 'A' });
// @ts-expect-error a number is no schema
avro(5);

// Invariant: neither a wider nor a narrower codec stands for another.
// @ts-expect-error wider than the schema
const wider: Codec<{ text: string; more: number }> = Narrow;
// @ts-expect-error narrower than the schema
const narrower: Codec<{ text: string }> = Wide;
// @ts-expect-error not even unknown, into which everything could be sent
const unknown: Codec<unknown> = Wide;
const same: Codec<{ text: string }> = Narrow;

// A decoder only gives, so it may promise less.
const less: Decoder<{ text: string }> = Wide.decoder(Wide);
// @ts-expect-error but not more
const more: Decoder<{ text: string; more: number }> = Narrow.decoder(Narrow);

// A codec is a writer schema of its own, and ends of any types can be compared.
const writer: WriterSchema = Wide;
expectTypeOf(incompatibilities(writer, Narrow)).toEqualTypeOf<string[]>();
expectTypeOf(haveSameValues(Wide, Narrow)).toEqualTypeOf<boolean>();

// A checked value is one of the codec's.
declare const value: unknown;
if (Narrow.isValid(value)) expectTypeOf(value).toEqualTypeOf<{ text: string }>();
expectTypeOf(Narrow.parse(value)).toEqualTypeOf<{ text: string }>();
// @ts-expect-error a record of another schema
Wide.encode({ text: 1 }, Buffer.alloc(1), 0);

// A lazy record gives its fields by name, and takes changes of them alone.
expectTypeOf(lazy(Wide)).toEqualTypeOf<LazyCodec<{ text: string; more: number }>>();
expectTypeOf<RecordOf<ReturnType<typeof lazy<{ a: string }>>>>().toEqualTypeOf<LazyRecord<{ a: string }>>();
expectTypeOf<WholeOf<LazyRecord<{ a: string }>>>().toEqualTypeOf<{ a: string }>();
expectTypeOf<WholeOf<{ a: string }>>().toEqualTypeOf<{ a: string }>();
expectTypeOf<WholeOf<any>>().toBeAny();
const record = lazy(Wide).of({ text: 'a', more: 1 });
expectTypeOf(record.get('more')).toEqualTypeOf<number>();
expectTypeOf(record.with({ more: 2 })).toEqualTypeOf<LazyRecord<{ text: string; more: number }>>();
expectTypeOf(record.toObject()).toEqualTypeOf<{ text: string; more: number }>();
// @ts-expect-error no such field
record.get('txt');
// @ts-expect-error another type
record.with({ more: 'a' });
// @ts-expect-error a misspelt field
record.with({ mroe: 2 });
// @ts-expect-error fields are asked for
void record.text;
// @ts-expect-error a field is missing
lazy(Wide).of({ text: 'a' });
// @ts-expect-error a codec of texts has no fields
lazy(text());
// @ts-expect-error a lazy record is no whole one
Wide.encode(record, Buffer.alloc(1), 0);
// @ts-expect-error nor is a record of another schema this one
lazy(Narrow).encode(record, Buffer.alloc(1), 0);

void [wider, narrower, unknown, same, less, more];
