import avsc from 'avsc';
import { describe, expect, it } from 'vitest';
import { avro, encodeToBuffer, incompatibilities, parseWriterSchema, type AvroSchema } from './index.js';

const ORDER = {
  type: 'record',
  name: 'Order',
  namespace: 'com.acme',
  doc: 'An order.',
  aliases: ['Purchase'],
  fields: [
    { name: 'id', type: 'long' },
    { name: 'remark', type: ['null', 'string'], default: null, aliases: ['note'] },
    { name: 'total', type: { type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 } },
    { name: 'key', type: { type: 'fixed', name: 'Key', size: 4 } },
    { name: 'state', type: { type: 'enum', name: 'State', symbols: ['NEW', 'DONE'], default: 'NEW' } },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'lines', type: { type: 'array', items: { type: 'record', name: 'Line', fields: [{ name: 'sku', type: 'string' }, { name: 'n', type: 'int', default: 1 }] } } },
    { name: 'tags', type: { type: 'map', values: 'string' }, default: {} },
    { name: 'parent', type: ['null', 'Order'], default: null },
    { name: 'score', type: 'float', default: 0 },
    { name: 'data', type: 'bytes', default: '\u0001ÿ' },
  ],
} as const satisfies AvroSchema;

interface Order {
  readonly id: number;
  readonly remark: string | null;
  readonly total: Uint8Array;
  readonly key: Uint8Array;
  readonly state: 'NEW' | 'DONE';
  readonly at: number;
  readonly lines: readonly { readonly sku: string; readonly n: number }[];
  readonly tags: Readonly<Record<string, string>>;
  readonly parent: Order | null;
  readonly score: number;
  readonly data: Uint8Array;
}

const order: Order = {
  id: 7,
  remark: null,
  total: new Uint8Array([1, 2]),
  key: new Uint8Array(4),
  state: 'DONE',
  at: 1_700_000_000_000,
  lines: [{ sku: 'a', n: 2 }],
  tags: { a: 'b' },
  parent: null,
  score: 0.5,
  data: new Uint8Array([9]),
};

describe('a codec of an Avro schema', () => {
  const codec = avro<Order>(ORDER);

  it('takes the schema as values, as text and as a name', () => {
    expect(avro<Order>(JSON.stringify(ORDER, null, 2)).schema).toBe(codec.schema);
    expect(codec.name).toBe('com.acme.Order');
    expect(JSON.parse(codec.schema)).toEqual(ORDER);
    expect(avro('string').fingerprint).toBe(avro('"string"').fingerprint);
    expect(avro({ type: 'string' }).fingerprint).toBe(avro('string').fingerprint);
    expect(() => avro('strin')).toThrow('MILLRACE_SCHEMA_INVALID: the Avro schema names the unknown type "strin"');
  });

  it('has plain values, and the bytes of avsc', () => {
    const value: Order = { ...order, parent: { ...order, remark: 'x' } };
    expect(codec.problems(value)).toEqual([]);
    const bytes = encodeToBuffer(codec, value);
    expect(codec.decoder(codec).decode(bytes, 0, bytes.length)).toStrictEqual(value);
    expect(codec.parse(value)).toBe(value);
    const type = avsc.Type.forSchema(ORDER as unknown as avsc.Schema, { wrapUnions: 'never' });
    expect(type.toBuffer(type.fromBuffer(bytes))).toEqual(bytes);
  });

  it('wants every field when it writes, whatever its default', () => {
    const { score: _, ...without } = order;
    expect(codec.problems(without)).toEqual([{ path: 'score', expected: 'a number within the range of a float', found: 'undefined' }]);
    expect(() => codec.parse(without)).toThrow('MILLRACE_VALUE_INVALID: a value breaks the schema com.acme.Order:\n  - score must be a number within the range of a float, not undefined');
    expect(codec.problems({ ...order, key: new Uint8Array(3), state: 'toString', parent: { ...order, id: 0.5 } })).toMatchInlineSnapshot(`
      [
        {
          "expected": "a Uint8Array of 4 bytes",
          "found": "Uint8Array(3) [ 0, 0, 0 ]",
          "path": "key",
        },
        {
          "expected": "one of 'NEW', 'DONE'",
          "found": "'toString'",
          "path": "state",
        },
        {
          "expected": "a whole number within ±(2^53-1)",
          "found": "0.5",
          "path": "parent.id",
        },
      ]
    `);
  });

  it('reads older writers by aliases, defaults and promotions', () => {
    const before = {
      type: 'record',
      name: 'com.old.Purchase',
      fields: [
        { name: 'note', type: 'string' },
        { name: 'id', type: 'int' },
        { name: 'total', type: 'bytes' },
        { name: 'key', type: { type: 'fixed', name: 'Key', size: 4 } },
        { name: 'state', type: { type: 'enum', name: 'State', symbols: ['LOST', 'DONE'] } },
        { name: 'at', type: 'long' },
        { name: 'lines', type: { type: 'array', items: { type: 'record', name: 'Line', fields: [{ name: 'sku', type: 'bytes' }] } } },
      ],
    };
    const writer = avsc.Type.forSchema(before as avsc.Schema);
    const bytes = writer.toBuffer({ note: 'n', id: 3, total: Buffer.from([5]), key: Buffer.alloc(4), state: 'LOST', at: 9, lines: [{ sku: Buffer.from('s') }] });
    const value = codec.decoder(parseWriterSchema('avro', JSON.stringify(before))).decode(bytes, 0, bytes.length);
    expect(value).toEqual({ id: 3, remark: 'n', total: new Uint8Array([5]), key: new Uint8Array(4), state: 'NEW', at: 9, lines: [{ sku: 's', n: 1 }], tags: {}, parent: null, score: 0, data: new Uint8Array([1, 255]) });
    expect(codec.isValid(value)).toBe(true);
  });

  it('says by path what it cannot read', () => {
    const other = (field: AvroSchema, name = 'Key', size = 5): AvroSchema => ({ type: 'record', name: 'com.acme.Order', fields: [{ name: 'id', type: field }, { name: 'key', type: { type: 'fixed', name, size } }] });
    const reader = avro({ type: 'record', name: 'com.acme.Order', fields: [{ name: 'id', type: { type: 'map', values: 'int' } }, { name: 'key', type: { type: 'fixed', name: 'Key', size: 4 } }] });
    const differences = (schema: AvroSchema): string[] => incompatibilities(parseWriterSchema('avro', JSON.stringify(schema)), reader);
    expect(differences(other({ type: 'array', items: 'int' }))).toMatchInlineSnapshot(`
      [
        "com.acme.Order.id: written as array of int, read as map of int",
        "com.acme.Order.key: written with 5 bytes, read with 4",
      ]
    `);
    expect(differences(other({ type: 'map', values: 'long' }, 'Other', 4))).toMatchInlineSnapshot(`
      [
        "com.acme.Order.id{}: written as long, read as int",
        "com.acme.Order.key: written as com.acme.Other, read as com.acme.Key; where it was renamed, give the reader the old name as an alias",
      ]
    `);
    expect(differences({ type: 'error', name: 'Order', fields: [] })).toMatchInlineSnapshot(`
      [
        "com.acme.Order.id: not written, and the reader has no default for it",
        "com.acme.Order.key: not written, and the reader has no default for it",
      ]
    `);
  });

  it('is refused where its defaults are not of their types', () => {
    const bad: [AvroSchema, unknown][] = [
      ['int', 'x'],
      ['int', 1.5],
      ['string', 1],
      ['bytes', '\u0100'],
      [{ type: 'array', items: 'int' }, ['x']],
      [{ type: 'array', items: 'int' }, {}],
      [{ type: 'map', values: 'int' }, { a: 'x' }],
      [{ type: 'record', name: 'In', fields: [{ name: 'a', type: 'int' }] }, {}],
      [['null', 'int'], 'x'],
      [{ type: 'enum', name: 'E', symbols: ['a'] }, 'b'],
    ];
    for (const [type, fallback] of bad) {
      const schema = { type: 'record', name: 'D', fields: [{ name: 'f', type, default: fallback }] };
      expect(() => avro(schema as AvroSchema)).toThrow(`MILLRACE_SCHEMA_INVALID: the Avro schema at D.f has the default ${JSON.stringify(fallback)}, which is not of the field's type`);
      // Of a writer only what it writes counts.
      expect(() => parseWriterSchema('avro', JSON.stringify(schema))).not.toThrow();
    }
    const nested = { type: 'record', name: 'D', fields: [{ name: 'f', type: ['null', 'D'], default: JSON.parse('{"f":'.repeat(500) + 'null' + '}'.repeat(500)) as unknown }] };
    expect(() => avro(nested as AvroSchema)).toThrow('which is not of the field');
  });

  it('is refused where a value would not show which branch of a union it is', () => {
    const schema: AvroSchema = {
      type: 'record',
      name: 'U',
      fields: [
        { name: 'numbers', type: ['int', 'double'] },
        { name: 'texts', type: { type: 'array', items: ['string', { type: 'enum', name: 'E', symbols: ['a'] }] } },
        { name: 'records', type: { type: 'map', values: ['null', { type: 'record', name: 'A', fields: [] }, { type: 'record', name: 'B', fields: [] }] } },
        { name: 'bytes', type: ['bytes', { type: 'fixed', name: 'F', size: 1 }] },
        { name: 'fine', type: ['null', 'boolean', 'string', 'int', 'bytes', { type: 'array', items: 'int' }, { type: 'map', values: 'int' }] },
      ],
    };
    expect(() => avro(schema)).toThrowErrorMatchingInlineSnapshot(`
      [MillraceError: MILLRACE_SCHEMA_UNMAPPABLE: this Avro schema has unions whose values are ambiguous:
        - U.numbers: int and double are both number in JavaScript, so a value does not show which it is
        - U.texts[]: string and enum E are both string in JavaScript, so a value does not show which it is
        - U.records{}: record A and record B are both object in JavaScript, so a value does not show which it is
        - U.bytes: bytes and fixed F are both bytes in JavaScript, so a value does not show which it is
      Describe the records with zod instead, with one type for both, or with z.discriminatedUnion, whose tag may have a default]
    `);
  });
});
