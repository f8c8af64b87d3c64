import avsc from 'avsc';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { avro, encodeToBuffer, haveSameValues, incompatibilities, json, parseWriterSchema, text, type AvroSchema, type Codec, type WriterSchema } from './index.js';

/** What a reader makes of a value that was written with another schema. */
function across<W, R>(writer: Codec<W>, reader: Codec<R>, value: NoInfer<W>): R {
  expect(incompatibilities(writer, reader)).toEqual([]);
  const bytes = encodeToBuffer(writer, value);
  return reader.decoder(writer).decode(bytes, 0, bytes.length);
}

/** The differences by path, which must be what the decoder throws for. */
function differences<R>(writer: WriterSchema, reader: Codec<R>): string[] {
  const list = incompatibilities(writer, reader);
  expect(list).not.toEqual([]);
  let message = '';
  try {
    reader.decoder(writer);
  } catch (error) {
    message = (error as Error).message;
  }
  for (const difference of list) expect(message).toContain(difference);
  return list;
}

describe('a reader of a later schema', () => {
  it('fills optional and defaulted fields in, promotes numbers, and passes over what is gone', () => {
    const V1 = avro(z.object({ id: z.int32(), gone: z.array(z.record(z.string(), z.date())), at: z.date(), n: z.int(), f: z.float32() }).meta({ id: 'R' }));
    const V2 = avro(
      z.object({ note: z.string().optional(), kind: z.enum(['a', 'b']).default('b'), at: z.date(), id: z.int(), n: z.number(), f: z.number(), both: z.string().nullish() }).meta({ id: 'R' }),
    );
    const value = { id: -1, gone: [{ a: new Date(1), b: new Date(2) }, {}], at: new Date(3), n: 2 ** 50, f: 0.5 };
    expect(across(V1, V2, value)).toStrictEqual({ note: undefined, kind: 'b', at: new Date(3), id: -1, n: 2 ** 50, f: 0.5, both: undefined });
  });

  it('reads a required field as optional, nullable or one of several types', () => {
    const V1 = avro(z.object({ a: z.string(), b: z.int(), c: z.object({ x: z.int() }).meta({ id: 'In' }) }).meta({ id: 'R' }));
    const V2 = avro(z.object({ a: z.string().optional(), b: z.union([z.string(), z.int()]).nullable(), c: z.object({ x: z.int(), y: z.string().default('n') }).meta({ id: 'In' }).optional() }).meta({ id: 'R' }));
    expect(across(V1, V2, { a: 'x', b: 4, c: { x: 1 } })).toEqual({ a: 'x', b: 4, c: { x: 1, y: 'n' } });
  });

  it('follows changes within optional records', () => {
    const V1 = avro(z.object({ in: z.object({ x: z.int() }).meta({ id: 'In' }).optional() }).meta({ id: 'Out' }));
    const V2 = avro(z.object({ in: z.object({ y: z.string().default('n'), x: z.int() }).meta({ id: 'In' }).optional() }).meta({ id: 'Out' }));
    expect(across(V1, V2, { in: { x: 3 } })).toEqual({ in: { x: 3, y: 'n' } });
    expect(across(V1, V2, {})).toStrictEqual({ in: undefined });
    expect(across(V2, V1, { in: { x: 3, y: 'q' } })).toEqual({ in: { x: 3 } });
  });

  it('reads a discriminated union that has grown, and records that stood alone', () => {
    const Up = z.object({ type: z.literal('up'), by: z.bigint() }).meta({ id: 'Up' });
    const Say = z.object({ type: z.literal('say'), text: z.string() }).meta({ id: 'Say' });
    const No = z.object({ type: z.literal('no') }).meta({ id: 'No' });
    const V1 = avro(z.object({ e: z.discriminatedUnion('type', [Up, Say]), one: Up }).meta({ id: 'U' }));
    const V2 = avro(z.object({ e: z.discriminatedUnion('type', [No, Say, Up]).optional(), one: z.discriminatedUnion('type', [No, Up]) }).meta({ id: 'U' }));
    const one = { type: 'up', by: 2n ** 60n } as const;
    expect(across(V1, V2, { e: one, one })).toEqual({ e: one, one });
    expect(across(V1, V2, { e: { type: 'say', text: 'q' }, one })).toEqual({ e: { type: 'say', text: 'q' }, one });
    expect(differences(V2, V1)).toMatchInlineSnapshot(`
      [
        "U.e: may be written as null, read as a union of record Up, record Say",
        "U.e: may be written as record No, read as a union of record Up, record Say",
        "U.one: written as No, read as Up; where it was renamed, give the reader the old name as an alias",
      ]
    `);
  });

  it('reads recursive records with more fields', () => {
    interface Tree {
      v: number;
      kids: Tree[];
    }
    const V1: z.ZodType<Tree> = z.object({ v: z.int32(), kids: z.lazy(() => z.array(V1)) }).meta({ id: 'Tree' });
    const V2 = z
      .object({
        get kids() {
          return z.array(V2);
        },
        v: z.int(),
        w: z.string().default('w'),
      })
      .meta({ id: 'Tree' });
    expect(across(avro(V1), avro(V2), { v: 1, kids: [{ v: 2, kids: [] }] })).toEqual({ v: 1, w: 'w', kids: [{ v: 2, w: 'w', kids: [] }] });
    expect(across(avro(V2), avro(z.object({ v: z.int() }).meta({ id: 'Tree' })), { v: 1, w: '', kids: [{ v: 2, w: 'w', kids: [] }] })).toEqual({ v: 1 });
  });

  it('reads an enum as the string that zod makes of it once a value is no Avro name', () => {
    const V1 = avro(z.object({ s: z.enum(['on', 'off']) }).meta({ id: 'E' }));
    const V2 = avro(z.object({ s: z.enum(['on', 'off', 'in-between']) }).meta({ id: 'E' }));
    expect(across(V1, V2, { s: 'off' })).toEqual({ s: 'off' });
    expect(differences(V2, V1)).toMatchInlineSnapshot(`
      [
        "E.s: written as string, read as enum E_s",
      ]
    `);
    expect(differences(V1, avro(z.object({ s: z.enum(['on', 'in-between']) }).meta({ id: 'E' })))).toMatchInlineSnapshot(`
      [
        "E.s: the writer has the symbols off, the reader has not",
      ]
    `);
  });

  it('finds renamed records and fields by their aliases', () => {
    const V1 = avro(z.object({ remark: z.string(), inner: z.object({ a: z.int() }).meta({ id: 'Old' }), kind: z.enum(['x']).meta({ id: 'OldKind' }) }).meta({ id: 'com.old.Order' }));
    const V2 = avro(
      z
        .object({
          note: z.string().meta({ aliases: ['comment', 'remark'] }).optional(),
          inner: z.object({ a: z.int() }).meta({ id: 'New', aliases: ['Old'] }),
          kind: z.enum(['x', 'y']).meta({ id: 'Kind', aliases: ['OldKind'] }),
        })
        .meta({ id: 'com.new.Bill', aliases: ['Order'] }),
    );
    expect(across(V1, V2, { remark: 'r', inner: { a: 1 }, kind: 'x' })).toEqual({ note: 'r', inner: { a: 1 }, kind: 'x' });
    expect(differences(V1, avro(z.object({ remark: z.string() }).meta({ id: 'Bill' })))).toMatchInlineSnapshot(`
      [
        "Bill: written as com.old.Order, read as Bill; where it was renamed, give the reader the old name as an alias",
      ]
    `);
  });

  it('matches names that were made up from a place with any name', () => {
    const writer = parseWriterSchema('avro', JSON.stringify({ type: 'record', name: 'Order', fields: [{ name: 'line', type: { type: 'record', name: 'a.b.Line', fields: [{ name: 'n', type: 'int' }] } }] }));
    const reader = avro(z.object({ line: z.object({ n: z.int() }) }).meta({ id: 'Order' }));
    expect(incompatibilities(writer, reader)).toEqual([]);
    expect(incompatibilities(writer, avro(z.object({ line: z.object({ n: z.int() }).optional() }).meta({ id: 'Order' })))).toEqual([]);
  });

  it('reads a foreign union without tags by giving each tag a default', () => {
    const writer = avsc.Type.forSchema(
      [
        { type: 'record', name: 'Created', fields: [{ name: 'id', type: 'int' }] },
        { type: 'record', name: 'Deleted', fields: [{ name: 'id', type: 'int' }] },
      ],
      { wrapUnions: 'always' },
    );
    const tagged = <const T extends string>(type: T) => z.object({ type: z.literal(type).default(type as never), id: z.int() }).meta({ id: type });
    const Event = avro(z.discriminatedUnion('type', [tagged('Created'), tagged('Deleted')]));
    const bytes = writer.toBuffer({ Deleted: { id: 4 } });
    expect(Event.decoder(parseWriterSchema('avro', JSON.stringify(writer))).decode(bytes, 0, bytes.length)).toEqual({ type: 'Deleted', id: 4 });
  });
});

describe('a reader that cannot', () => {
  it('names every difference by its path', () => {
    const Writer = avro(
      z
        .object({
          id: z.int(),
          mode: z.enum(['on', 'off', 'broken']).meta({ id: 'Mode' }),
          lines: z.array(z.object({ price: z.number(), sku: z.string().nullable() }).meta({ id: 'Line' })),
          map: z.record(z.string(), z.date()),
          text: z.string(),
          kind: z.object({}).meta({ id: 'KindA' }),
        })
        .meta({ id: 'com.acme.Order' }),
    );
    const Reader = avro(
      z
        .object({
          id: z.int32(),
          mode: z.enum(['on', 'off']).meta({ id: 'Mode' }),
          lines: z.array(z.object({ price: z.int(), sku: z.string() }).meta({ id: 'Line' })),
          map: z.record(z.string(), z.boolean()),
          text: z.union([z.int(), z.boolean()]),
          kind: z.object({}).meta({ id: 'KindB' }),
          more: z.string(),
        })
        .meta({ id: 'com.acme.Order' }),
    );
    expect(differences(Writer, Reader)).toMatchInlineSnapshot(`
      [
        "com.acme.Order.id: written as long, read as int",
        "com.acme.Order.mode: the writer has the symbols broken, the reader has not",
        "com.acme.Order.lines[].price: written as double, read as long",
        "com.acme.Order.lines[].sku: may be written as null, read as string",
        "com.acme.Order.map{}: written as long (timestamp-millis), read as boolean",
        "com.acme.Order.text: written as string, read as a union of long, boolean",
        "com.acme.Order.kind: written as com.acme.KindA, read as com.acme.KindB; where it was renamed, give the reader the old name as an alias",
        "com.acme.Order.more: not written, and the reader has no default for it",
      ]
    `);
    expect(() => Reader.decoder(Writer)).toThrow('MILLRACE_SCHEMA_INCOMPATIBLE: what is written cannot be read as com.acme.Order:\n  - com.acme.Order.id: written as long, read as int');
  });

  it('is one of another format', () => {
    expect(differences(text(), avro(z.string()))).toEqual(['written as text, read as avro']);
    expect(differences(avro(z.string()), text())).toEqual(['written as avro, read as text']);
    expect(differences(avro(z.string()), json(z.string()))).toEqual(['written as avro, read as json']);
  });

  it('is told so even of a schema that is none', () => {
    expect(incompatibilities({ format: 'avro', fingerprint: '0'.repeat(16), schema: '{' }, avro(z.string()))).toMatchInlineSnapshot(`
      [
        "the Avro schema is not JSON",
      ]
    `);
  });

  it('lists no more differences than anybody reads', () => {
    const wide = (type: z.ZodType) => avro(z.object(Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`f${i}`, type]))).meta({ id: 'Wide' }));
    expect(incompatibilities(wide(z.string()), wide(z.int()))).toHaveLength(30);
    expect(() => wide(z.int()).decoder(wide(z.string()))).toThrow('\n  - and 10 more');
  });
});

describe('logical types', () => {
  const At = (type: AvroSchema): WriterSchema => parseWriterSchema('avro', JSON.stringify({ type: 'record', name: 'A', fields: [{ name: 'at', type }, { name: 'other', type: 'int' }] }));
  const Reader = avro(z.object({ at: z.date() }).meta({ id: 'A' }));

  it('are read as plain numbers and back, but never as each other', () => {
    expect(incompatibilities(At({ type: 'long', logicalType: 'timestamp-millis' }), Reader)).toEqual([]);
    expect(incompatibilities(At('long'), Reader)).toEqual([]);
    expect(incompatibilities(At({ type: 'long', logicalType: 'timestamp-micros' }), Reader)).toMatchInlineSnapshot(`
      [
        "A.at: written as long (timestamp-micros), read as long (timestamp-millis)",
      ]
    `);
    expect(incompatibilities(At({ type: 'int', logicalType: 'date' }), Reader)).toMatchInlineSnapshot(`
      [
        "A.at: written as int (date), read as long (timestamp-millis)",
      ]
    `);
    expect(incompatibilities(At({ type: 'long', logicalType: 'timestamp-micros' }), avro(z.object({ at: z.int() }).meta({ id: 'A' })))).toEqual([]);
  });

  it('clash where two schemas of one fingerprint mean something else', () => {
    const Number = avro(z.object({ at: z.int() }).meta({ id: 'A' }));
    const BigInt = avro(z.object({ at: z.bigint() }).meta({ id: 'A' }));
    expect(Number.fingerprint).toBe(Reader.fingerprint);
    expect(Number.schema).toBe(BigInt.schema);
    expect(BigInt.decoder(Number).decode(encodeToBuffer(Number, { at: 5 }), 0, 1)).toEqual({ at: 5n });
    expect(incompatibilities(Number, Reader)).toMatchInlineSnapshot(`
      [
        "two schemas have the fingerprint 70422347ed8d8114, so their records cannot be told apart, but A.at is long (timestamp-millis) in one and long in the other; rename the record or the field",
      ]
    `);
    expect(() => Reader.decoder(Number)).toThrow('MILLRACE_SCHEMA_CLASH: two schemas have the fingerprint');
    const Wide = avro(z.object({ at: z.int(), more: z.string().default('') }).meta({ id: 'A' }));
    Wide.decoder(Number);
    expect(() => Wide.decoder(Reader)).toThrow('MILLRACE_SCHEMA_CLASH');
    const decimal = (scale: number): WriterSchema => At({ type: 'bytes', logicalType: 'decimal', precision: 9, scale });
    const Money = avro<{ at: Uint8Array }>(JSON.parse(decimal(2).schema) as AvroSchema);
    expect(incompatibilities(decimal(2), Money)).toEqual([]);
    expect(incompatibilities(decimal(3), Money)).toMatchInlineSnapshot(`
      [
        "two schemas have the fingerprint 38b247ef1bdb917d, so their records cannot be told apart, but A.at is bytes (decimal of 9 digits, 2 of them behind the point) in one and bytes (decimal of 9 digits, 3 of them behind the point) in the other; rename the record or the field",
      ]
    `);
  });

  it('do not clash where the value is the same, as with docs, aliases and the defaults of a writer', () => {
    const a = avro(z.object({ id: z.string(), n: z.int() }).meta({ id: 'B' }));
    const b = avro(z.object({ id: z.uuid(), n: z.int().meta({ aliases: ['m'], description: 'how many' }).default(4) }).meta({ id: 'B', description: 'a B' }));
    expect(a.fingerprint).toBe(b.fingerprint);
    expect(a.schema).not.toBe(b.schema);
    expect(across(a, b, { id: 'x', n: 1 })).toEqual({ id: 'x', n: 1 });
    expect(a.decoder(a)).toBe(a.decoder(a));
    expect(a.decoder(a)).toBe(a.decoder(b));
  });

  it('and other forms of a value keep values from being passed by reference', () => {
    const of = (x: z.ZodType) => avro(z.object({ x }).meta({ id: 'S' }));
    expect(haveSameValues(of(z.string()), of(z.string().min(3)))).toBe(true);
    expect(haveSameValues(of(z.string()), of(z.uuid()))).toBe(true);
    const unlike: [z.ZodType, z.ZodType][] = [
      [z.int(), z.bigint()],
      [z.int(), z.date()],
      [z.string().optional(), z.string().nullable()],
      [z.string().optional(), z.string().exactOptional()],
      [z.instanceof(Uint8Array), z.instanceof(Buffer)],
      [z.string(), z.literal('x')],
      [z.literal('y'), z.literal('x')],
    ];
    for (const [a, b] of unlike) {
      expect(of(a).fingerprint).toBe(of(b).fingerprint);
      expect(haveSameValues(of(a), of(b))).toBe(false);
    }
    expect(haveSameValues(of(z.string()), of(z.int()))).toBe(false);
    expect(haveSameValues(json(z.string()), json(z.string()))).toBe(true);
    expect(haveSameValues(json(z.string()), json(z.int()))).toBe(false);
    const huge = (prefix: string) => json(z.enum(Array.from({ length: 30_000 }, (_, i) => `${prefix} number ${i}`) as [string]));
    expect(haveSameValues(huge('one'), huge('other'))).toBe(false);
    expect(haveSameValues(text(), text())).toBe(true);
  });

  it('are checked against the fingerprint that a schema is published under', () => {
    expect(() => Reader.decoder({ ...At('long'), fingerprint: '0123456789abcdef' })).toThrow(/^MILLRACE_SCHEMA_INVALID: the schema published under the fingerprint 0123456789abcdef has [0-9a-f]{16}$/);
  });
});

describe('what the reader asks for from what is written', () => {
  const field = (type: AvroSchema, value: unknown): { writer: WriterSchema; bytes: Buffer } => {
    const schema = { type: 'record', name: 'P', fields: [{ name: 'x', type }] };
    const avscType = avsc.Type.forSchema(schema as avsc.Schema, { wrapUnions: 'always' });
    return { writer: parseWriterSchema('avro', JSON.stringify(schema)), bytes: avscType.toBuffer({ x: value }) };
  };
  const read = (type: AvroSchema, value: unknown, reader: z.ZodType): unknown => {
    const { writer, bytes } = field(type, value);
    return (avro(z.object({ x: reader }).meta({ id: 'P' })).decoder(writer).decode(bytes, 0, bytes.length)).x;
  };

  it('is promoted as the specification lists', () => {
    expect(read('int', 7, z.int())).toBe(7);
    expect(read('int', 7, z.bigint())).toBe(7n);
    expect(read('int', 7, z.float32())).toBe(7);
    expect(read('int', 7, z.number())).toBe(7);
    expect(read('int', 7, z.date())).toEqual(new Date(7));
    expect(read('long', 2 ** 40, z.number())).toBe(2 ** 40);
    expect(read('long', 2 ** 40, z.float32())).toBe(2 ** 40);
    expect(read('float', 0.5, z.number())).toBe(0.5);
    expect(read('string', 'é', z.instanceof(Uint8Array))).toEqual(new Uint8Array([0xc3, 0xa9]));
    expect(read('bytes', Buffer.from('é'), z.string())).toBe('é');
    expect(read(['int', 'string'], { int: 4 }, z.union([z.string(), z.number()]))).toBe(4);
    expect(read(['null', 'int', 'long', 'double'], { double: 0.5 }, z.number().nullable())).toBe(0.5);
  });

  it('is never a number that JavaScript would round, nor a time that a Date lacks', () => {
    const bytes = encodeToBuffer(avro(z.object({ x: z.bigint() }).meta({ id: 'P' })), { x: 2n ** 53n });
    const { writer } = field('long', 1);
    const decode = (reader: z.ZodType): unknown => avro(z.object({ x: reader }).meta({ id: 'P' })).decoder(writer).decode(bytes, 0, bytes.length);
    expect(() => decode(z.int())).toThrow('a number exceeds ±(2^53-1); read it as bigint');
    expect(() => decode(z.date())).toThrow('MILLRACE_SCHEMA_CLASH');
    expect(() => read('long', 2 ** 53 - 2, z.date().optional())).toThrow('a time exceeds what a Date holds');
    expect(decode(z.bigint())).toEqual({ x: 2n ** 53n });
  });
});
