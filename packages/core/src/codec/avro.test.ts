import avsc from 'avsc';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { avro, encodeToBuffer, type Codec } from './index.js';

const Everything = z
  .object({
    text: z.string(),
    whole: z.int(),
    whole32: z.int32(),
    unsigned: z.uint32(),
    number: z.number(),
    single: z.float32(),
    flag: z.boolean(),
    nothing: z.null(),
    big: z.bigint(),
    int64: z.int64(),
    data: z.instanceof(Uint8Array),
    buffer: z.instanceof(Buffer),
    at: z.date(),
    mode: z.enum(['on', 'off']),
    dashed: z.enum(['in-progress', 'done']),
    literal: z.literal('x'),
    literals: z.literal([1, 2]),
    half: z.literal(0.5),
    bigLiteral: z.literal(7n),
    yes: z.literal(true),
    tags: z.array(z.string()),
    counts: z.record(z.string(), z.int()),
    optional: z.string().optional(),
    optionalDate: z.date().optional(),
    nullable: z.string().nullable(),
    nullish: z.string().nullish(),
    exact: z.string().exactOptional(),
    fallback: z.string().default('z'),
    nullFallback: z.string().nullable().default('q'),
    prefault: z.string().trim().prefault(' p '),
    id: z.uuid(),
    nested: z.object({ a: z.int(), deep: z.object({ x: z.int() }) }),
    list: z.array(z.object({ y: z.int() })),
    mixed: z.union([z.string(), z.int(), z.null()]),
    bigOrText: z.union([z.bigint(), z.string()]),
    many: z.union([z.date(), z.instanceof(Uint8Array), z.array(z.int()), z.object({ q: z.int() }), z.boolean()]),
    frozen: z.array(z.int()).readonly(),
    when: z.iso.datetime(),
    template: z.templateLiteral(['a', z.int()]),
    required: z.string().optional().nonoptional(),
    branded: z.string().brand('b'),
    lazy: z.lazy(() => z.int()),
  })
  .meta({ id: 'com.acme.Everything', description: 'All of it' });

const everything = {
  text: 'é😀',
  whole: 2 ** 53 - 1,
  whole32: -(2 ** 31),
  unsigned: 2 ** 32 - 1,
  number: 1.5,
  single: 0.5,
  flag: true,
  nothing: null,
  big: -(2n ** 63n),
  int64: 2n ** 63n - 1n,
  data: new Uint8Array([1, 2]),
  buffer: Buffer.from('abc'),
  at: new Date(-5),
  mode: 'off',
  dashed: 'in-progress',
  literal: 'x',
  literals: 2,
  half: 0.5,
  bigLiteral: 7n,
  yes: true,
  tags: ['a', ''],
  counts: { a: 1, 'b c': -(2 ** 53 - 1) },
  optional: undefined,
  optionalDate: new Date(7),
  nullable: null,
  nullish: 'n',
  fallback: 'y',
  nullFallback: null,
  prefault: 'p',
  id: '2c5ea4c0-4067-11e9-8bad-9b1deb4d3b7d',
  nested: { a: 1, deep: { x: 2 } },
  list: [{ y: 1 }],
  mixed: null,
  bigOrText: 'x',
  many: new Date(3),
  frozen: [1],
  when: '2026-01-01T00:00:00Z',
  template: 'a1',
  required: 'r',
  branded: 'b' as string & z.$brand<'b'>,
  lazy: 4,
} as z.output<typeof Everything>;

function roundTrip<T>(codec: Codec<T>, value: T): T {
  expect(codec.problems(value)).toEqual([]);
  expect(codec.isValid(value)).toBe(true);
  const bytes = encodeToBuffer(codec, value);
  return codec.decoder(codec).decode(bytes, 0, bytes.length);
}

function refusal(make: () => unknown): string {
  try {
    make();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('nothing was refused');
}

describe('zod to Avro', () => {
  const codec = avro(Everything);

  it("writes and reads every type as zod's own value", () => {
    const back = roundTrip(codec, everything);
    expect(back).toStrictEqual({ ...everything, optional: undefined });
    expect('exact' in back).toBe(false);
    expect(Everything.parse(back)).toEqual(back);
    expect(codec.parse(back)).toEqual(back);
    const other = { ...everything, mixed: 3, bigOrText: 4n, nullFallback: 'w', optional: 'o', exact: 'e', optionalDate: undefined, nullish: undefined };
    expect(roundTrip(codec, other)).toStrictEqual({ ...other, nullish: null });
    for (const many of [new Uint8Array([9]), [1, 2], { q: 1 }, false]) expect(roundTrip(codec, { ...everything, many }).many).toStrictEqual(many);
  });

  it('publishes a schema that says it in plain Avro', () => {
    expect(JSON.parse(codec.schema)).toMatchSnapshot();
    expect(codec.name).toBe('com.acme.Everything');
    expect(codec.fingerprint).toMatchInlineSnapshot(`"a386cc15ba14b6a5"`);
  });

  it('writes the bytes that avsc writes by the published schema, and reads them', () => {
    const type = avsc.Type.forSchema(JSON.parse(codec.schema), { wrapUnions: 'always', omitRecordMethods: true });
    // avsc stops one short of what JavaScript holds exactly.
    const value = { ...everything, big: 7n, int64: -9n, whole: 2 ** 53 - 2, counts: { a: 1 } };
    const bytes = encodeToBuffer(codec, value);
    const read = type.fromBuffer(bytes);
    expect(type.toBuffer(read)).toEqual(bytes);
    expect(codec.decoder(codec).decode(type.toBuffer(read), 0, bytes.length)).toEqual(value);
    expect(read).toMatchObject({ text: 'é😀', big: 7, at: -5, optional: null, mixed: null, optionalDate: { long: 7 }, counts: { a: 1 } });
  });

  it('reads recursive types and discriminated unions', () => {
    const Tree = z
      .object({
        v: z.int(),
        get kids() {
          return z.array(Tree);
        },
      })
      .meta({ id: 'Tree' });
    expect(roundTrip(avro(Tree), { v: 1, kids: [{ v: 2, kids: [] }] })).toEqual({ v: 1, kids: [{ v: 2, kids: [] }] });
    const Up = z.object({ type: z.literal('up'), by: z.int() }).meta({ id: 'Up' });
    const Say = z.object({ type: z.enum(['say', 'shout']), text: z.string() }).meta({ id: 'Say' });
    const Event = z.discriminatedUnion('type', [Up, Say]);
    const Events = avro(z.object({ one: Event, many: z.array(Event), maybe: Event.optional(), or: z.union([Event, z.string()]).nullable() }).meta({ id: 'Events' }));
    const value = { one: { type: 'up', by: 1 }, many: [{ type: 'say', text: 'x' }, { type: 'shout', text: 'X' }], maybe: undefined, or: { type: 'up', by: 2 } } as const;
    expect(roundTrip(Events, { ...value, many: [...value.many] })).toEqual(value);
    expect(roundTrip(Events, { ...value, many: [], maybe: { type: 'say', text: '' }, or: 's' })).toEqual({ ...value, many: [], maybe: { type: 'say', text: '' }, or: 's' });
    expect(roundTrip(avro(Event), { type: 'say', text: 'q' })).toEqual({ type: 'say', text: 'q' });
    expect(avro(Event).name).toBe('');
  });

  it('names members that every object inherits as its own', () => {
    const Odd = avro(z.object({ constructor: z.string(), toString: z.string().optional(), valueOf: z.int().optional() }).meta({ id: 'Odd' }));
    expect(roundTrip(Odd, { constructor: 'Red Bull' } as never)).toEqual({ constructor: 'Red Bull', toString: undefined, valueOf: undefined });
    expect(Odd.isValid({})).toBe(false);
  });

  it('gives plain objects, whose members are their own and can be changed', () => {
    const Odd = avro(z.object({ n: z.int(), constructor: z.string() }).meta({ id: 'Odd' }));
    const value = roundTrip(Odd, { n: 1, constructor: 'Red Bull' });
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.getOwnPropertyDescriptors(value)).toEqual(Object.getOwnPropertyDescriptors({ n: 1, constructor: 'Red Bull' }));
    expect({ ...(value as object), n: 2 }).toStrictEqual({ n: 2, constructor: 'Red Bull' });
  });

  it('gives its root any type', () => {
    expect(roundTrip(avro(z.string()), 'x')).toBe('x');
    expect(roundTrip(avro(z.string().optional()), undefined)).toBe(undefined);
    expect(roundTrip(avro(z.array(z.record(z.string(), z.date().nullable()))), [{ a: null, b: new Date(1) }])).toEqual([{ a: null, b: new Date(1) }]);
    expect(roundTrip(avro(z.enum(['a', 'b']).meta({ id: 'Letter' })), 'b')).toBe('b');
  });

  it('takes names and aliases from meta, and makes up the others from their place', () => {
    const Line = z.object({ sku: z.string().meta({ aliases: ['code'] }).optional() }).meta({ id: 'Line', aliases: ['Row'] });
    const Order = avro(z.object({ lines: z.array(Line), first: Line.nullable(), kind: z.enum(['a']), inner: z.object({ deep: z.array(z.object({})) }) }).meta({ id: 'com.acme.Order' }));
    expect(JSON.parse(Order.schema)).toMatchInlineSnapshot(`
      {
        "fields": [
          {
            "name": "lines",
            "type": {
              "items": {
                "aliases": [
                  "Row",
                ],
                "fields": [
                  {
                    "aliases": [
                      "code",
                    ],
                    "default": null,
                    "name": "sku",
                    "type": [
                      "null",
                      "string",
                    ],
                  },
                ],
                "name": "com.acme.Line",
                "type": "record",
              },
              "type": "array",
            },
          },
          {
            "name": "first",
            "type": [
              "null",
              "com.acme.Line",
            ],
          },
          {
            "name": "kind",
            "type": {
              "name": "com.acme.Order_kind",
              "symbols": [
                "a",
              ],
              "type": "enum",
            },
          },
          {
            "name": "inner",
            "type": {
              "fields": [
                {
                  "name": "deep",
                  "type": {
                    "items": {
                      "fields": [],
                      "name": "com.acme.Order_inner_deep_item",
                      "type": "record",
                    },
                    "type": "array",
                  },
                },
              ],
              "name": "com.acme.Order_inner",
              "type": "record",
            },
          },
        ],
        "name": "com.acme.Order",
        "type": "record",
      }
    `);
  });

  it('publishes only the defaults that Avro can say, and applies the others', () => {
    const Defaults = avro(
      z
        .object({
          bytes: z.instanceof(Uint8Array).default(() => new Uint8Array([65, 255])),
          date: z.date().default(new Date(9)),
          big: z.bigint().default(3n),
          huge: z.bigint().default(2n ** 60n),
          list: z.array(z.string()).default(['a']),
          map: z.record(z.string(), z.int()).default({ a: 1 }),
          union: z.union([z.string(), z.int()]).default(5),
          inner: z.object({ a: z.string().optional() }).default({ a: 'x' }),
          infinite: z.number().default(Number.POSITIVE_INFINITY),
          pre: z.string().trim().prefault(' p '),
        })
        .meta({ id: 'Defaults' }),
    );
    const published = JSON.parse(Defaults.schema) as { fields: { name: string; default?: unknown }[] };
    expect(Object.fromEntries(published.fields.map((field) => [field.name, field.default]))).toMatchInlineSnapshot(`
      {
        "big": 3,
        "bytes": "Aÿ",
        "date": 9,
        "huge": undefined,
        "infinite": undefined,
        "inner": undefined,
        "list": [
          "a",
        ],
        "map": {
          "a": 1,
        },
        "pre": "p",
        "union": 5,
      }
    `);
    const Before = avro(z.object({}).meta({ id: 'Defaults' }));
    const read = Defaults.decoder(Before);
    const value = read.decode(encodeToBuffer(Before, {}), 0, 0);
    expect(value).toEqual({
      bytes: new Uint8Array([65, 255]),
      date: new Date(9),
      big: 3n,
      huge: 2n ** 60n,
      list: ['a'],
      map: { a: 1 },
      union: 5,
      inner: { a: 'x' },
      infinite: Number.POSITIVE_INFINITY,
      pre: 'p',
    });
    expect(read.decode(Buffer.alloc(0), 0, 0).list).not.toBe(value.list);
    expect(() => avsc.Type.forSchema(JSON.parse(Defaults.schema), { wrapUnions: 'always' })).not.toThrow();
  });
});

describe('what has no Avro form', () => {
  it('is refused all at once, with what to use instead', () => {
    const Bad = z.object({
      any: z.any(),
      unknown: z.unknown(),
      map: z.map(z.string(), z.int()),
      set: z.set(z.int()),
      tuple: z.tuple([z.string()]),
      records: z.union([z.object({ x: z.int() }), z.object({ y: z.int() })]),
      'bad-name': z.int(),
      transform: z.string().transform(Number),
      codec: z.codec(z.string(), z.int(), { decode: Number, encode: String }),
      uint64: z.uint64(),
      numbers: z.enum({ A: 1 }),
      twoNumbers: z.union([z.int(), z.number()]),
      twoLongs: z.union([z.int(), z.date()]),
      loose: z.looseObject({}),
      both: z.intersection(z.object({ a: z.int() }), z.object({ b: z.int() })),
      caught: z.string().catch(''),
      undefined: z.undefined(),
      void: z.void(),
      nan: z.nan(),
      symbol: z.symbol(),
      function: z.function(),
      promise: z.promise(z.int()),
      file: z.file(),
      never: z.never(),
      custom: z.custom<string>(() => true),
      url: z.instanceof(URL),
      keys: z.record(z.enum(['a']), z.int()),
      numberKeys: z.record(z.number(), z.int()),
      mixedLiteral: z.literal(['a', 1]),
      undefinedLiteral: z.literal(undefined),
      json: z.json(),
      badDefault: z.string().default(5 as never),
      throwing: z.string().default(() => {
        throw new Error('no default today');
      }),
      alias: z.string().meta({ aliases: ['a-b'] }),
    });
    expect(refusal(() => avro(Bad))).toMatchInlineSnapshot(`
      "MILLRACE_SCHEMA_UNMAPPABLE: this zod schema has no Avro form:
        - value: needs a name, .meta({ id: "com.acme.Order" }), by which readers match it; put it last, since other methods drop it
        - value.any: z.any has no Avro form; name its type, or carry it as z.string() with JSON in it
        - value.unknown: z.unknown has no Avro form; name its type, or carry it as z.string() with JSON in it
        - value.map: z.map has no Avro form; use z.record(z.string(), …)
        - value.set: z.set has no Avro form; use z.array(…)
        - value.tuple: z.tuple has no Avro form; use z.object with named fields
        - value.records: two of its types are object in JavaScript, so a value does not show which it is; use z.discriminatedUnion or one type
        - value.bad-name: the name of a field has letters, digits and _ only, no digit first, and is not __proto__
        - value.transform: z.pipe has no Avro form; transform after retrieve()
        - value.codec: z.pipe has no Avro form; transform after retrieve()
        - value.uint64: uint64 exceeds Avro's signed long; use z.int64() or z.string()
        - value.numbers: an enum of numbers has no Avro form; give its members strings
        - value.twoNumbers: two of its types are number in JavaScript, so a value does not show which it is; use z.discriminatedUnion or one type
        - value.twoLongs: number and Date are both long in Avro, which a union can have once; use one type
        - value.loose: z.looseObject and catchall have no Avro form; use z.record for the rest
        - value.both: z.intersection has no Avro form; use .extend(…)
        - value.caught: z.catch has no Avro form; use the port's onError policy
        - value.undefined: z.undefined has no Avro form; use .optional()
        - value.void: z.void has no Avro form; use .optional()
        - value.nan: z.nan has no Avro form; use z.number()
        - value.symbol: z.symbol has no Avro form
        - value.function: z.function has no Avro form
        - value.promise: z.promise has no Avro form
        - value.file: z.file has no Avro form; use z.instanceof(Uint8Array) for bytes
        - value.never: z.never has no Avro form
        - value.custom: z.custom has no Avro form; use z.instanceof(Uint8Array) for bytes
        - value.url: z.instanceof(URL) has no Avro form; use z.instanceof(Uint8Array) for bytes
        - value.keys: z.record with a list of keys has no Avro form; use z.object
        - value.numberKeys: the keys of z.record must be strings
        - value.mixedLiteral: a literal of several types has no Avro form; use z.union of literals
        - value.undefinedLiteral: z.literal(undefined) has no Avro form; use .optional()
        - value.json<4>[]: a schema that contains itself needs a z.object on the way
        - value.json<5>{}: a schema that contains itself needs a z.object on the way
        - value.badDefault: its default is of another type: must be a string, not 5
        - value.throwing: its default cannot be made: no default today
        - value.alias: the alias "a-b" is no name of a field"
    `);
  });

  it('is a name that is missing, wrong or given twice', () => {
    expect(refusal(() => avro(z.object({ a: z.int() }).meta({ id: 'my-order' })))).toMatchInlineSnapshot(`
      "MILLRACE_SCHEMA_UNMAPPABLE: this zod schema has no Avro form:
        - my-order: "my-order" is no Avro name (letters, digits and _ between dots); set .meta({ id })"
    `);
    expect(refusal(() => avro(z.object({ a: z.object({}).meta({ id: 'Twice' }), b: z.object({}).meta({ id: 'Twice' }) }).meta({ id: 'A' })))).toMatchInlineSnapshot(`
      "MILLRACE_SCHEMA_UNMAPPABLE: this zod schema has no Avro form:
        - A.b: two different schemas are named "Twice"; give each its own .meta({ id })"
    `);
    expect(refusal(() => avro(z.object({}).meta({ id: 'Lost' }).refine(() => true)))).toMatchInlineSnapshot(`
      "MILLRACE_SCHEMA_UNMAPPABLE: this zod schema has no Avro form:
        - value: needs a name, .meta({ id: "com.acme.Order" }), by which readers match it; put it last, since other methods drop it"
    `);
    expect(refusal(() => avro(z.array(z.object({}))))).toMatchInlineSnapshot(`
      "MILLRACE_SCHEMA_UNMAPPABLE: this zod schema has no Avro form:
        - value[]: needs a name, .meta({ id: "com.acme.Order" }), by which readers match it; put it last, since other methods drop it"
    `);
    expect(refusal(() => avro(z.object({ ['__proto__']: z.int() }).meta({ id: 'P' })))).toMatchInlineSnapshot(`
      "MILLRACE_SCHEMA_UNMAPPABLE: this zod schema has no Avro form:
        - P.__proto__: the name of a field has letters, digits and _ only, no digit first, and is not __proto__"
    `);
  });

  it('is a schema that contains itself without an object on the way', () => {
    const Loop: z.ZodType = z.lazy(() => z.array(Loop));
    expect(refusal(() => avro(Loop))).toMatchInlineSnapshot(`
      "MILLRACE_SCHEMA_UNMAPPABLE: this zod schema has no Avro form:
        - value[]: a schema that contains itself needs a z.object on the way"
    `);
  });

  it('is a schema that no reader would accept for its size', () => {
    const wide = z.object(Object.fromEntries(Array.from({ length: 6000 }, (_, i) => [`f${i}`, z.int()]))).meta({ id: 'Wide' });
    expect(refusal(() => avro(wide))).toMatchInlineSnapshot(`"MILLRACE_SCHEMA_INVALID: the Avro schema at Wide.f4999 has more than 10000 parts"`);
    let deep: z.ZodType = z.int();
    for (let i = 0; i < 70; i++) deep = z.array(deep);
    expect(refusal(() => avro(deep))).toMatchInlineSnapshot(`"MILLRACE_SCHEMA_INVALID: the Avro schema at [][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][] nests more than 64 types"`);
  });
});

describe('a value that breaks its schema', () => {
  const Order = avro(z.object({ id: z.int(), lines: z.array(z.object({ sku: z.string(), at: z.date() })), counts: z.record(z.string(), z.int32()), mode: z.enum(['on', 'off']), kind: z.union([z.string(), z.int()]), note: z.string().optional(), note2: z.string().nullish() }).meta({ id: 'Order' }));
  const good = { id: 1, lines: [{ sku: 'a', at: new Date(0) }], counts: { a: 1 }, mode: 'on' as const, kind: 'x' };

  it('is told by path, with what is expected and found', () => {
    expect(Order.isValid(good)).toBe(true);
    const bad = { id: 1.5, lines: [{ sku: 5, at: new Date(Number.NaN) }, null], counts: { 'a b': 2 ** 31, ['__proto__x']: 1 }, mode: 'toString', kind: true, note: null, note2: 'x'.repeat(200).split('') };
    expect(Order.isValid(bad)).toBe(false);
    expect(Order.problems(bad)).toMatchInlineSnapshot(`
      [
        {
          "expected": "a whole number within ±(2^53-1)",
          "found": "1.5",
          "path": "id",
        },
        {
          "expected": "a string",
          "found": "5",
          "path": "lines[0].sku",
        },
        {
          "expected": "a valid Date",
          "found": "Invalid Date",
          "path": "lines[0].at",
        },
        {
          "expected": "an object (Order_lines_item)",
          "found": "null",
          "path": "lines[1]",
        },
        {
          "expected": "a whole number of 32 bits",
          "found": "2147483648",
          "path": "counts["a b"]",
        },
        {
          "expected": "one of 'on', 'off'",
          "found": "'toString'",
          "path": "mode",
        },
        {
          "expected": "string or number",
          "found": "true",
          "path": "kind",
        },
        {
          "expected": "undefined or string",
          "found": "null",
          "path": "note",
        },
        {
          "expected": "null or undefined or string",
          "found": "[ 'x', 'x', 'x', ... 197 more items ]",
          "path": "note2",
        },
      ]
    `);
    expect(Order.problems(5)).toMatchInlineSnapshot(`
      [
        {
          "expected": "an object (Order)",
          "found": "5",
          "path": "",
        },
      ]
    `);
  });

  it('is refused by parse, with the refinements of zod', () => {
    const Positive = avro(z.object({ n: z.int().positive('must be positive'), s: z.string().trim().min(2) }).meta({ id: 'Positive' }));
    expect(Positive.parse({ n: 1, s: ' ab ' })).toEqual({ n: 1, s: 'ab' });
    expect(Positive.isValid({ n: -1, s: '' })).toBe(true);
    expect(refusal(() => Positive.parse({ n: -1, s: ' a' }))).toMatchInlineSnapshot(`
      "MILLRACE_VALUE_INVALID: a value breaks the schema Positive:
        - n: must be positive, found -1
        - s: Too small: expected string to have >=2 characters, found ' a'"
    `);
    const Texts = avro(z.object({ s: z.string(), b: z.bigint() }).meta({ id: 'Texts' }));
    expect(refusal(() => Texts.parse({ s: '\ud800', b: 2n ** 64n }))).toMatchInlineSnapshot(`
      "MILLRACE_VALUE_INVALID: a value breaks the schema Texts:
        - s must be a string without lone surrogates, not '\\ud800'
        - b must be a bigint of 64 bits, not 18446744073709551616n"
    `);
    expect(refusal(() => avro(z.string().refine(async () => true)).parse('x'))).toMatchInlineSnapshot(`"MILLRACE_SCHEMA_UNMAPPABLE: the schema has asynchronous checks, which a record cannot wait for; make them in the operator"`);
  });

  it('never becomes other bytes: encode refuses what is of another type', () => {
    for (const bad of [{ ...good, id: '1' }, { ...good, lines: 'ab' }, { ...good, counts: 5 }, { ...good, mode: 'constructor' }, { ...good, kind: null }, null, 5, { ...good, lines: [undefined] }]) {
      expect(() => Order.encode(bad as never, Buffer.alloc(1000), 0)).toThrow('MILLRACE_VALUE_INVALID: a value breaks the schema Order');
    }
    expect(encodeToBuffer(Order, good).length).toBeGreaterThan(0);
  });

  it('is one whose extremes the wire does not hold', () => {
    const check = (schema: z.ZodType, value: unknown): boolean => avro(schema).isValid(value);
    expect(check(z.int(), 2 ** 53)).toBe(false);
    expect(check(z.int(), Number.NaN)).toBe(false);
    expect(check(z.int32(), 2 ** 31)).toBe(false);
    expect(check(z.int32(), 5n)).toBe(false);
    expect(check(z.int64(), 2n ** 63n)).toBe(false);
    expect(check(z.float32(), 3.5e38)).toBe(false);
    expect(check(z.number(), Number.NaN)).toBe(true);
    expect(check(z.string(), 'a\udc00')).toBe(false);
    expect(check(z.record(z.string(), z.int()), { '\ud800': 1 })).toBe(false);
    expect(check(z.record(z.string(), z.int()), JSON.parse('{"__proto__":1}'))).toBe(false);
    expect(check(z.record(z.string(), z.int()), new Map())).toBe(false);
    expect(check(z.array(z.null()), Array(65_537).fill(null))).toBe(false);
    expect(check(z.array(z.int()), Array(2))).toBe(false);
  });

  it('may contain itself without harm', () => {
    const Node = z
      .object({
        get next() {
          return Node.optional();
        },
      })
      .meta({ id: 'Node' });
    const codec = avro(Node);
    const loop: { next?: unknown } = {};
    loop.next = loop;
    expect(codec.isValid(loop)).toBe(false);
    expect(codec.problems(loop)[0]?.expected).toBe('nested no deeper than 512 records');
    expect(() => encodeToBuffer(codec, loop as never)).toThrow('nested no deeper than 512 records');
    const chain = (length: number): { next?: object } => (length === 1 ? {} : { next: chain(length - 1) });
    expect(roundTrip(codec, chain(512))).toEqual(chain(512));
    expect(codec.isValid(chain(513))).toBe(false);
  });
});

describe('encode', () => {
  const codec = avro(z.object({ text: z.string(), n: z.int(), data: z.instanceof(Uint8Array), d: z.number(), f: z.float32() }).meta({ id: 'R' }));

  it('says how many bytes are missing, whatever the room', () => {
    for (const text of ['', 'short', 'é'.repeat(30), 'x'.repeat(63), 'x'.repeat(64), '😀'.repeat(100), 'x'.repeat(9000)]) {
      const value = { text, n: 2 ** 40, data: new Uint8Array(40), d: 1, f: 1 };
      const whole = encodeToBuffer(codec, value);
      for (const room of [0, 1, 2, 5, whole.length - 1, whole.length, whole.length + 1, whole.length * 3]) {
        const buffer = Buffer.alloc(room + 7, 0xee);
        const end = codec.encode(value, buffer, 7);
        if (room < whole.length) expect(end).toBe(room - whole.length);
        else {
          expect(end).toBe(7 + whole.length);
          expect(buffer.subarray(7, end)).toEqual(whole);
        }
        expect(buffer.subarray(0, 7)).toEqual(Buffer.alloc(7, 0xee));
      }
    }
  });

  it('writes one record within the writing of another', () => {
    const inner = avro(z.object({ s: z.string() }).meta({ id: 'Inner' }));
    const outer = avro(z.object({ a: z.string(), b: z.string() }).meta({ id: 'Outer' }));
    const value = {
      get a(): string {
        return encodeToBuffer(inner, { s: 'inner' }).toString('hex');
      },
      b: 'b',
    };
    expect(roundTrip(outer, value)).toEqual({ a: '0a696e6e6572', b: 'b' });
  });
});

describe('decode', () => {
  it('shares nothing with the bytes that it read', () => {
    const codec = avro(z.object({ small: z.instanceof(Uint8Array), large: z.instanceof(Uint8Array), buffer: z.instanceof(Buffer) }).meta({ id: 'Data' }));
    const value = { small: new Uint8Array([1, 2, 3]), large: new Uint8Array(1000).fill(7), buffer: Buffer.from('abc') };
    const bytes = encodeToBuffer(codec, value);
    const read = codec.decoder(codec).decode(bytes, 0, bytes.length);
    bytes.fill(0);
    expect(read).toStrictEqual(value);
    expect(Object.values(read).map((part) => part.buffer.byteLength)).toEqual([3, 1000, 3]);
  });

  it('reads a record out of the middle of any bytes', () => {
    const codec = avro(z.object({ s: z.string(), n: z.int() }).meta({ id: 'Mid' }));
    const bytes = encodeToBuffer(codec, { s: 'héllo', n: -300 });
    const around = new Uint8Array(bytes.length + 10).fill(0xff);
    around.set(bytes, 4);
    const decoder = codec.decoder(codec);
    expect(decoder.decode(around, 4, 4 + bytes.length)).toEqual({ s: 'héllo', n: -300 });
    expect(decoder.decode(around.subarray(4), 0, bytes.length)).toEqual({ s: 'héllo', n: -300 });
    expect(refusal(() => decoder.decode(around, 4, 3 + bytes.length))).toMatchInlineSnapshot(`"MILLRACE_UNDECODABLE: a record of Mid cannot be decoded: the record ends within a number (at byte 7 of 8)"`);
    expect(refusal(() => decoder.decode(around, 4, 5 + bytes.length))).toMatchInlineSnapshot(`"MILLRACE_UNDECODABLE: a record of Mid cannot be decoded: 1 bytes are left over (at byte 9 of 10)"`);
    expect(refusal(() => decoder.decode(around, 4, 100))).toMatchInlineSnapshot(`"MILLRACE_UNDECODABLE: a record of Mid cannot be decoded: the bytes 4 to 100 of 19 are asked for"`);
  });
});
