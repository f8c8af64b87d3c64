import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { avro, encodeToBuffer, incompatibilities, json, parseWriterSchema, type AvroSchema, type Codec, type WriterSchema } from './index.js';
import { MillraceError } from '../error/index.js';

const written = (schema: unknown): WriterSchema => parseWriterSchema('avro', JSON.stringify(schema));

function refusal(schema: unknown): string {
  try {
    written(schema);
  } catch (error) {
    expect(MillraceError.is(error, 'MILLRACE_SCHEMA_INVALID')).toBe(true);
    return (error as Error).message.replace('MILLRACE_SCHEMA_INVALID: the Avro schema', '').trim();
  }
  throw new Error('nothing was refused');
}

const record = (name: string, ...fields: unknown[]): unknown => ({ type: 'record', name, fields });
const field = (name: unknown, type: unknown = 'int'): unknown => ({ name, type });

describe('a schema from outside', () => {
  it('is refused where it is no schema', () => {
    const bad: unknown[] = [
      null,
      5,
      {},
      { type: 5 },
      { type: { type: 'int' } },
      'unknown',
      { type: 'constructor' },
      { type: 'array' },
      { type: 'map', values: null },
      [],
      ['int', ['string']],
      ['int', 'int'],
      [{ type: 'array', items: 'int' }, { type: 'array', items: 'string' }],
      { type: 'record', name: 'A' },
      { type: 'record', fields: [] },
      record('a-b'),
      record('A.'),
      record('int'),
      record(['A'] as never),
      { type: 'record', name: 'A', namespace: 'a..b', fields: [] },
      record('A', 5),
      record('A', field(5)),
      record('A', { name: 'a' }),
      record('A', field('a'), field('a')),
      record('A', field('x', record('A'))),
      record('A', { name: 'a', type: 'int', aliases: ['a b'] }),
      { type: 'record', name: 'A', aliases: 'B', fields: [] },
      { type: 'enum', name: 'E', symbols: [] },
      { type: 'enum', name: 'E', symbols: ['a', 'a'] },
      { type: 'enum', name: 'E', symbols: ['in-progress'] },
      { type: 'enum', name: 'E', symbols: ['a'], default: 'b' },
      { type: 'fixed', name: 'F', size: -1 },
      { type: 'fixed', name: 'F', size: 1e10 },
      { type: 'fixed', name: 'F', size: '1' },
    ];
    expect(Object.fromEntries(bad.map((schema) => [JSON.stringify(schema), refusal(schema)]))).toMatchInlineSnapshot(`
      {
        ""unknown"": "names the unknown type "unknown"",
        "5": "is 5, neither a name nor an object nor an array",
        "["int","int"]": "has int twice in one union",
        "["int",["string"]]": "has a union directly within a union",
        "[]": "is a union of nothing",
        "[{"type":"array","items":"int"},{"type":"array","items":"string"}]": "has array twice in one union",
        "null": "is null, neither a name nor an object nor an array",
        "{"type":"array"}": "has no "items"",
        "{"type":"constructor"}": "names the unknown type "constructor"",
        "{"type":"enum","name":"E","symbols":["a","a"]}": "at E has a symbol twice",
        "{"type":"enum","name":"E","symbols":["a"],"default":"b"}": "at E has the default "b", which is none of its symbols",
        "{"type":"enum","name":"E","symbols":["in-progress"]}": "at E has the symbol "in-progress", which is no Avro name",
        "{"type":"enum","name":"E","symbols":[]}": "at E has no "symbols"",
        "{"type":"fixed","name":"F","size":"1"}": "at F has the size "1", which is no whole number of bytes",
        "{"type":"fixed","name":"F","size":-1}": "at F has the size -1, which is no whole number of bytes",
        "{"type":"fixed","name":"F","size":10000000000}": "at F has the size 10000000000, which is no whole number of bytes",
        "{"type":"map","values":null}": "at {} is null, neither a name nor an object nor an array",
        "{"type":"record","fields":[]}": "has the name undefined, which is no Avro name",
        "{"type":"record","name":"A","aliases":"B","fields":[]}": "at A has the aliases "B", which are no Avro names",
        "{"type":"record","name":"A","fields":[5]}": "at A has a field that is no object",
        "{"type":"record","name":"A","fields":[{"name":"a","type":"int","aliases":["a b"]}]}": "at A.a has the aliases ["a b"], which are no Avro names",
        "{"type":"record","name":"A","fields":[{"name":"a","type":"int"},{"name":"a","type":"int"}]}": "at A has the field a twice",
        "{"type":"record","name":"A","fields":[{"name":"a"}]}": "at A.a has no "type"",
        "{"type":"record","name":"A","fields":[{"name":"x","type":{"type":"record","name":"A","fields":[]}}]}": "at A is defined twice",
        "{"type":"record","name":"A","fields":[{"name":5,"type":"int"}]}": "at A has a field of the name 5, which no field can have",
        "{"type":"record","name":"A","namespace":"a..b","fields":[]}": "has the namespace "a..b", which is no Avro name",
        "{"type":"record","name":"A"}": "at A has no array of "fields"",
        "{"type":"record","name":"A.","fields":[]}": "has the name "A.", which is no Avro name",
        "{"type":"record","name":"a-b","fields":[]}": "has the name "a-b", which is no Avro name",
        "{"type":"record","name":"int","fields":[]}": "redefines int",
        "{"type":"record","name":["A"],"fields":[]}": "has the name ["A"], which is no Avro name",
        "{"type":5}": "has no "type" that is a string",
        "{"type":{"type":"int"}}": "has no "type" that is a string",
        "{}": "has no "type" that is a string",
      }
    `);
    expect(() => parseWriterSchema('avro', 5 as never)).toThrow('MILLRACE_SCHEMA_INVALID: the Avro schema is no text');
    expect(() => parseWriterSchema('json', undefined as never)).toThrow('MILLRACE_SCHEMA_INVALID');
    expect(() => parseWriterSchema('avro', '{"type":')).toThrow('MILLRACE_SCHEMA_INVALID: the Avro schema is not JSON');
  });

  it('never gets a name into code, nor into what objects inherit', () => {
    for (const name of ['a"]; process.exit(1); v["', "a'", 'a\\', 'a b', 'a\u2028', '', '0a', 'é', '__proto__', 'x'.repeat(513)]) expect(refusal(record('A', field(name)))).toContain('which no field can have');
    const names = ['constructor', 'prototype', 'toString', 'valueOf', 'hasOwnProperty', '__defineGetter__', 'this', 'return', 'arguments', 'eval', 'f0', 'v0', 'c', 'e', 'out', 'k0'];
    const writer = written(record('constructor', ...names.map((name) => field(name)), field('symbol', { type: 'enum', name: 'toString', symbols: ['constructor', '__proto__', 'a'] }), field('other', record('__proto__'))));
    const shape = Object.fromEntries(names.map((name) => [name, z.int32()]));
    const reader = avro(z.object({ ...shape, symbol: z.enum(['constructor', '__proto__', 'a']).meta({ id: 'toString' }), other: z.object({}).meta({ id: '__proto__' }) }).meta({ id: 'constructor' }));
    const value = { ...Object.fromEntries(names.map((name, i) => [name, i])), symbol: '__proto__', other: {} } as never;
    const bytes = encodeToBuffer(reader, value);
    expect(reader.isValid(value)).toBe(true);
    expect(reader.decoder(writer).decode(bytes, 0, bytes.length)).toStrictEqual(value);
    expect(({} as Record<string, unknown>)['symbol']).toBe(undefined);
  });

  it('is bounded in bytes, depth, parts and names', () => {
    const nest = (depth: number, inner: unknown = 'int'): unknown => (depth === 1 ? inner : { type: 'array', items: nest(depth - 1, inner) });
    expect(refusal(`"${'x'.repeat(262_144)}"`)).toMatchInlineSnapshot(`"is longer than 262144 bytes"`);
    expect(() => written(nest(64))).not.toThrow();
    expect(refusal(nest(65))).toContain('nests more than 64 types');
    // Deep without being long, by types that refer to each other one after the other.
    const chain = Array.from({ length: 100 }, (_, i) => field(`f${i}`, record(`R${i}`, ...(i === 0 ? [] : [field('p', `R${i - 1}`)]))));
    expect(refusal(record('Chain', ...chain))).toContain('nests more than 64 types');
    expect(refusal(record('Wide', ...Array.from({ length: 5001 }, (_, i) => field(`f${i}`))))).toContain('has more than 10000 parts');
    expect(refusal({ type: 'enum', name: 'E', symbols: Array.from({ length: 10_001 }, (_, i) => `s${i}`) })).toContain('has more than 10000 parts');
    expect(refusal(record('x'.repeat(513)))).toContain('is no Avro name');
    expect(() => parseWriterSchema('avro', '['.repeat(200_000))).toThrow('is not JSON');
    expect(() => parseWriterSchema('avro', '['.repeat(100_000) + ']'.repeat(100_000))).toThrow('nests more than 64 types');
    expect(() => parseWriterSchema('json', 'x'.repeat(262_145))).toThrow('MILLRACE_SCHEMA_INVALID');
  });

  it('cannot expand beyond its size by naming a type again and again', () => {
    // Two of each type in the next: 2^60 values, none of which takes a byte.
    const laughs = Array.from({ length: 60 }, (_, i) => field(`f${i}`, record(`L${i}`, ...(i === 0 ? [field('a', 'null')] : [field('a', `L${i - 1}`), field('b', `L${i - 1}`)]))));
    const writer = written(record('Laughs', ...laughs, field('n')));
    const few = avro(z.object({ n: z.int32() }).meta({ id: 'Laughs' }));
    expect(few.decoder(writer).decode(Buffer.from([4]), 0, 1)).toEqual({ n: 2 });
    const all = avro<{ n: number }>(JSON.parse(writer.schema) as AvroSchema);
    expect(() => all.decoder(writer).decode(Buffer.from([4]), 0, 1)).toThrow('more than 65536 values that take no byte');
    const endless = written(record('Endless', field('self', 'Endless')));
    const reader = avro<object>(JSON.parse(endless.schema) as AvroSchema);
    expect(() => reader.decoder(endless).decode(Buffer.alloc(0), 0, 0)).toThrow('more than 65536 values that take no byte');
    expect(reader.isValid({})).toBe(false);
  });

  it('makes a resolution that is bounded too, and refuses rather than crashes', () => {
    fc.assert(
      fc.property(foreignSchema, (schema) => {
        const text = JSON.stringify(schema);
        const reader = avro(z.object({ a: z.string().optional(), b: z.array(z.int()).default([]) }).meta({ id: 'A' }));
        let writer: WriterSchema;
        try {
          writer = parseWriterSchema('avro', text);
        } catch (error) {
          return MillraceError.is(error, 'MILLRACE_SCHEMA_INVALID');
        }
        return incompatibilities(writer, reader).every((difference) => difference.length > 0);
      }),
      { numRuns: 300 },
    );
  });

  it('is forgotten after many others, so that a peer cannot fill the memory with schemas', () => {
    const reader = avro(z.object({}).meta({ id: 'A' }));
    const first = written(record('A', field('f')));
    const decoder = reader.decoder(first);
    expect(reader.decoder(first)).toBe(decoder);
    for (let i = 0; i < 300; i++) reader.decoder(written(record('A', field(`f${i}`))));
    expect(reader.decoder(first)).not.toBe(decoder);
  });
});

/** JSON in the shape of Avro schemas, right and wrong. */
const foreignSchema = fc.letrec<{ schema: unknown }>((tie) => ({
  schema: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom('null', 'int', 'long', 'string', 'bytes', 'A', 'B', 'nope', null, 5),
    fc.record({ type: fc.constantFrom('record', 'error'), name: fc.constantFrom('A', 'B', 'x.C', '-'), fields: fc.array(fc.record({ name: fc.constantFrom('a', 'b', 'c', '__proto__'), type: tie('schema'), default: fc.constantFrom(null, 1, 'x', []) }, { requiredKeys: ['name', 'type'] }), { maxLength: 3 }) }),
    fc.record({ type: fc.constant('array'), items: tie('schema') }),
    fc.record({ type: fc.constant('map'), values: tie('schema') }),
    fc.record({ type: fc.constant('enum'), name: fc.constantFrom('E', 'A'), symbols: fc.array(fc.constantFrom('a', 'b', 'c-d')) }),
    fc.record({ type: fc.constant('fixed'), name: fc.constantFrom('F', 'A'), size: fc.constantFrom(0, 4, -1) }),
    fc.array(tie('schema'), { maxLength: 3 }),
  ),
})).schema;

describe('a record from outside', () => {
  const decode = (schema: unknown, hex: string): unknown => {
    const codec = avro<unknown>(schema as AvroSchema);
    const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
    return codec.decoder(codec).decode(bytes, 0, bytes.length);
  };
  const array = (items: unknown): unknown => ({ type: 'array', items });
  const map = (values: unknown): unknown => ({ type: 'map', values });

  it('cannot ask for more items than it has bytes, or more free ones than the limit', () => {
    expect(() => decode(array('null'), '80 80 80 40 00')).toThrow('more than 65536 values that take no byte');
    expect(() => decode(array(record('E')), '80 80 80 40 00')).toThrow('more than 65536 values that take no byte');
    expect(() => decode(array({ type: 'fixed', name: 'F', size: 0 }), '80 80 80 40 00')).toThrow('more than 65536 values that take no byte');
    expect(() => decode(array('string'), '80 80 80 80 10')).toThrow('a block has 2147483648 items, more than the record has room for');
    expect(() => decode(array('double'), '04 00 00 00 00 00 00 00 00 00')).toThrow('a block has 2 items, more than the record has room for');
    expect(() => decode(map('null'), '80 80 80 40 00')).toThrow('more than the record has room for');
    expect(() => decode(array(array('null')), '04 80 80 08 00 80 80 08 00 00')).toThrow('more than 65536 values that take no byte');
    expect(() => decode(array('int'), '80 80 80 80 80 80 80 80 80 01')).toThrow(/exceeds|room/);
    expect(decode(array('null'), '04 00')).toEqual([null, null]);
    expect(decode(array('int'), '03 04 02 04 02 06 00')).toEqual([1, 2, 3]);
  });

  it('cannot go back, loop or read beyond its end', () => {
    expect(() => decode('string', '01')).toThrow('a string has a negative length');
    expect(() => decode('bytes', '7f')).toThrow('bytes has a negative length');
    expect(() => decode('bytes', '80 80 80 80 20')).toThrow('the record ends within bytes');
    expect(() => decode('string', '04 61')).toThrow('the record ends within a string');
    expect(() => decode('double', '00 00')).toThrow('the record ends within a double');
    expect(() => decode('float', '00')).toThrow('the record ends within a float');
    expect(() => decode('boolean', '')).toThrow('the record ends within a boolean');
    expect(() => decode('boolean', '02')).toThrow('a boolean is 2');
    expect(() => decode('int', '80')).toThrow('the record ends within a number');
    expect(() => decode('int', '80 80 80 80 10')).toThrow('a number exceeds 32 bits');
    expect(() => decode('long', 'ff ff ff ff ff ff ff ff ff 01')).toThrow('a number exceeds ±(2^53-1)');
    expect(() => decode('long', '80 80 80 80 80 80 80 80 80 80 00')).toThrow('a number takes more than ten bytes');
    expect(() => decode('long', '80 80 80 80 80 80 80 80 80 02')).toThrow('a number exceeds 64 bits');
    expect(() => decode(array('int'), '01 01 02 00')).toThrow('a block has a negative size');
    expect(() => decode(['null', 'int'], '04')).toThrow('a union has an index beyond its branches');
    expect(() => decode(['null', 'int'], '01')).toThrow('a union has an index beyond its branches');
    expect(() => decode({ type: 'enum', name: 'E', symbols: ['a'] }, '02')).toThrow('an enum has an index beyond its symbols');
    expect(() => decode(map('int'), '02 12 5f5f70726f746f5f5f 02 00')).toThrow('a map has the key __proto__');
    expect(() => decode('int', '02 02')).toThrow('1 bytes are left over');
  });

  it('cannot do either in what the reader passes over', () => {
    const skip = (type: unknown, hex: string): unknown => {
      const writer = written(record('S', field('gone', type), field('n')));
      const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
      return avro(z.object({ n: z.int32() }).meta({ id: 'S' })).decoder(writer).decode(bytes, 0, bytes.length);
    };
    expect(skip(array('null'), 'fe ff ff ff ff ff ff 1f 00 02')).toEqual({ n: 1 });
    expect(() => skip(array('int'), 'fe ff ff ff ff ff ff 1f 00 02')).toThrow('more than the record has room for');
    expect(() => skip(map('int'), '03 03 00 02')).toThrow('bytes has a negative length');
    expect(() => skip(array('int'), '03 7e 00 02')).toThrow('the record ends within bytes');
    expect(skip(array('int'), '03 04 02 04 00 02')).toEqual({ n: 1 });
    expect(skip(array(record('Z', field('a', 'null'), field('b', 'null'))), '80 80 80 40 00 02')).toEqual({ n: 1 });
    expect(skip(['null', array('string'), map('double')], '02 02 02 61 00 02')).toEqual({ n: 1 });
    expect(skip(record('Q', field('a', 'float'), field('b', 'boolean'), field('c', 'bytes'), field('d', 'long'), field('e', { type: 'enum', name: 'E', symbols: ['a'] }), field('f', { type: 'fixed', name: 'F', size: 2 })), '00000000 01 02 aa 80 01 00 bbbb 02')).toEqual({ n: 1 });
    expect(() => skip(record('Q', field('x', ['null', 'Q'])), '02'.repeat(600))).toThrow('records nest deeper than 512');
  });

  it('cannot nest deeper than the stack is', () => {
    const list = record('List', field('next', ['null', 'List']));
    expect(() => decode(list, '02'.repeat(100_000))).toThrow('records nest deeper than 512');
    const tree = record('Tree', field('kids', array('Tree')));
    expect(() => decode(tree, '02'.repeat(100_000))).toThrow('records nest deeper than 512');
    expect(() => decode(tree, `${'02'.repeat(511)}00${'00'.repeat(511)}`)).not.toThrow();
    const deep = json(z.json());
    const bytes = Buffer.from('['.repeat(200_000) + ']'.repeat(200_000));
    expect(() => deep.decoder(deep).decode(bytes, 0, bytes.length)).toThrow('MILLRACE_UNDECODABLE: a record cannot be decoded: it nests too deeply');
  });

  it('is a valid value or an error, whatever its bytes', () => {
    const Up = z.object({ type: z.literal('up'), by: z.bigint() }).meta({ id: 'Up' });
    const Say = z.object({ type: z.literal('say'), text: z.string(), mode: z.enum(['a', 'b']) }).meta({ id: 'Say' });
    const Node = z
      .object({
        n: z.int(),
        i: z.int32(),
        d: z.number(),
        f: z.float32(),
        s: z.string().optional(),
        at: z.date().nullable(),
        data: z.instanceof(Uint8Array),
        event: z.discriminatedUnion('type', [Up, Say]),
        nulls: z.array(z.null()),
        map: z.record(z.string(), z.union([z.boolean(), z.string()])),
        get kids() {
          return z.array(Node);
        },
      })
      .meta({ id: 'Node' });
    const codec = avro(Node);
    const Later = avro(z.object({ n: z.number(), map: z.record(z.string(), z.union([z.boolean(), z.string()])), at: z.date().nullish(), more: z.string().default('') }).meta({ id: 'Node' }));
    const leaf = { n: 2 ** 50, i: -7, d: 0.5, f: 1.5, s: 'text', at: new Date(9), data: new Uint8Array(5), event: { type: 'up' as const, by: -(2n ** 62n) }, nulls: [null, null], map: { a: true, b: 'x' }, kids: [] };
    const seed = encodeToBuffer(codec, { ...leaf, kids: [leaf, { ...leaf, event: { type: 'say', text: 'é', mode: 'b' } }] });
    const survive = <T>(reader: Codec<T>, bytes: Uint8Array): boolean => {
      try {
        const value = reader.decoder(codec).decode(bytes, 0, bytes.length);
        expect(reader.problems(value)).toEqual([]);
        return reader.isValid(value);
      } catch (error) {
        return MillraceError.is(error, 'MILLRACE_UNDECODABLE');
      }
    };
    const mutation = fc.array(fc.tuple(fc.nat(seed.length - 1), fc.oneof(fc.nat(255), fc.constantFrom(0x7f, 0x80, 0xff, 0x01))), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(mutation, fc.nat(seed.length), (changes, end) => {
        const bytes = Buffer.from(seed);
        for (const [at, byte] of changes) bytes[at] = byte;
        return survive(codec, bytes) && survive(Later, bytes) && survive(codec, bytes.subarray(0, end));
      }),
      { numRuns: 3000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => survive(codec, bytes) && survive(Later, bytes)),
      { numRuns: 3000 },
    );
  });
});
