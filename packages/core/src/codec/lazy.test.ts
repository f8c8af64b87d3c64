import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { MillraceError } from '../error/index.js';
import { avro, bytes, encodeToBuffer, haveSameValues, incompatibilities, json, jsonFormOf, lazy, text, type Codec, type LazyRecord } from './index.js';

const Order = avro(
  z.object({ id: z.string(), price: z.number(), count: z.int32(), note: z.string().optional(), at: z.date(), tags: z.array(z.string()), state: z.enum(['open', 'done']), size: z.int(), raw: z.instanceof(Uint8Array) }).meta({ id: 'com.acme.Order' }),
);
type Order = ReturnType<typeof Order.parse>;
const LazyOrder = lazy(Order);
const ORDER: Order = { id: 'a-1', price: 2.5, count: -3, note: undefined, at: new Date(5), tags: ['x', 'é'], state: 'done', size: 2 ** 40, raw: Uint8Array.of(1, 2) };

/** A record as it comes in, amid others. */
function read<T extends object>(codec: Codec<T>, value: T): LazyRecord<T> {
  const encoded = encodeToBuffer(codec, value);
  const batch = Buffer.concat([Buffer.alloc(3, 0xff), encoded, Buffer.alloc(5, 0xff)]);
  const form = lazy(codec);
  return form.decoder(form).decode(batch, 3, 3 + encoded.length);
}

/** What a record becomes on the wire, read as a whole. */
function sent<T extends object>(codec: Codec<T>, record: LazyRecord<T>): T {
  const encoded = encodeToBuffer(lazy(codec), record);
  return codec.decoder(codec).decode(encoded, 0, encoded.length);
}

describe('a lazy record', () => {
  it.each(Object.keys(ORDER) as (keyof Order)[])('gives its %s', (field) => {
    expect(read(Order, ORDER).get(field)).toStrictEqual(ORDER[field]);
    expect(LazyOrder.of(ORDER).get(field)).toStrictEqual(ORDER[field]);
    expect(read(Order, ORDER).with({}).get(field)).toStrictEqual(ORDER[field]);
  });

  it('is the whole one when it is asked for, shown or turned into JSON', () => {
    const record = read(Order, ORDER);
    expect(record.toObject()).toStrictEqual(ORDER);
    expect(inspect(record)).toBe(inspect(ORDER));
    expect(JSON.stringify(record.with({ count: 7 }))).toBe(JSON.stringify({ ...ORDER, count: 7 }));
  });

  it('goes on as the bytes that it came in', () => {
    // The text is written with a length of two bytes where one would do: what is decoded and encoded again would be shorter.
    const Text = avro(z.object({ text: z.string() }).meta({ id: 'Text' }));
    const form = lazy(Text);
    const odd = Buffer.from([0x84, 0x00, 0x68, 0x69]);
    const record = form.decoder(form).decode(odd, 0, odd.length);
    expect(record.get('text')).toBe('hi');
    expect(encodeToBuffer(form, record)).toEqual(odd);
  });

  it.each(Object.keys(ORDER) as (keyof Order)[])('goes on with another %s, and is left as it was', (field) => {
    const other: Order = { id: 'longer than it was', price: -1, count: 1 << 20, note: 'note', at: new Date(9e12), tags: [], state: 'open', size: 0, raw: new Uint8Array(300) };
    const record = read(Order, ORDER);
    const changed = record.with({ [field]: other[field] });
    expect(sent(Order, changed)).toStrictEqual({ ...ORDER, [field]: other[field] });
    expect(changed.get(field)).toStrictEqual(other[field]);
    expect(changed.toObject()).toStrictEqual({ ...ORDER, [field]: other[field] });
    expect(sent(Order, record)).toStrictEqual(ORDER);
    expect(sent(Order, LazyOrder.of(ORDER).with({ [field]: other[field] }))).toStrictEqual({ ...ORDER, [field]: other[field] });
  });

  it('takes changes of changes', () => {
    const record = read(Order, ORDER).with({ note: 'one', count: 1 }).with({ note: undefined, price: 3 });
    expect(sent(Order, record)).toStrictEqual({ ...ORDER, note: undefined, count: 1, price: 3 });
  });

  it('is what the whole codec makes of it, whatever the schema and the changes', () => {
    const member = fc.constantFrom<z.ZodType>(z.string(), z.int32(), z.boolean(), z.number(), z.int().nullable(), z.array(z.int32()), z.literal('a'), z.enum(['a', 'b']), z.int64(), z.record(z.string(), z.string()), z.object({ x: z.string() }), z.string().exactOptional());
    const names = ['a', 'toString', 'valueOf', 'd', 'chunk', 'end'];
    fc.assert(
      fc.property(fc.array(member, { minLength: 1, maxLength: names.length }), fc.nat(2 ** names.length), fc.nat(), (members, mask, seed) => {
        const codec = avro(z.object(Object.fromEntries(members.map((type, i) => [names[i]!, type]))).meta({ id: 'R' })) as Codec<Record<string, unknown>>;
        const value = Object.fromEntries(members.map((type, i) => [names[i]!, sample(type, seed + i)]));
        const changes = Object.fromEntries(members.flatMap((type, i) => ((mask >> i) & 1) === 1 ? [[names[i]!, sample(type, seed + i + 1)]] : []));
        const record = read(codec, value);
        const expected = roundTrip(codec, { ...value, ...changes });
        for (const changed of [record.with(changes), record.with(changes).with({}), lazy(codec).of(value).with(changes)]) {
          expect(sent(codec, changed)).toStrictEqual(expected);
          for (const name of names.slice(0, members.length)) expect(changed.get(name)).toStrictEqual(expected[name]);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('asks for more room until the buffer is large enough', () => {
    const record = read(Order, ORDER);
    for (const each of [record, record.with({ count: 5 }), LazyOrder.of(ORDER)]) {
      const whole = encodeToBuffer(LazyOrder, each);
      for (let size = 0; size < whole.length; size++) expect(LazyOrder.encode(each, Buffer.alloc(size), 0)).toBe(size - whole.length);
    }
  });
});

describe('a lazy codec', () => {
  it('is that of whole records on the wire', () => {
    expect(LazyOrder).toMatchObject({ format: 'avro', name: Order.name, schema: Order.schema, fingerprint: Order.fingerprint });
    expect(incompatibilities(Order, LazyOrder)).toEqual([]);
    expect(incompatibilities(LazyOrder, Order)).toEqual([]);
    expect(incompatibilities(text(), LazyOrder)).toEqual(['written as text, read as avro']);
  });

  it('is one for each codec, whose records are no values of another one', () => {
    const twin = avro(z.object({ text: z.string() }).meta({ id: 'Twin' }));
    const other = avro(z.object({ text: z.string() }).meta({ id: 'Twin' }));
    expect(lazy(twin)).toBe(lazy(twin));
    expect(haveSameValues(lazy(twin), lazy(twin))).toBe(true);
    expect(haveSameValues(lazy(twin), lazy(other))).toBe(false);
    expect(haveSameValues(lazy(twin), twin)).toBe(false);
    const stranger = lazy(other).of({ text: 'a' });
    expect(lazy(twin).isValid(stranger)).toBe(false);
    expect(() => encodeToBuffer(lazy(twin), stranger)).toThrow('the value must be a lazy record of this codec, read from a port that has it or made by its of(), not one of another codec, Twin');
    expect(() => encodeToBuffer(LazyOrder, ORDER as never)).toThrow(/MILLRACE_VALUE_INVALID.*com\.acme\.Order[^]*not \{ id: 'a-1'/);
  });

  it('reads what was written with another schema, too', () => {
    const Old = avro(z.object({ id: z.string() }).meta({ id: 'com.acme.Thing' }));
    const New = avro(z.object({ count: z.int32().default(4), id: z.string() }).meta({ id: 'com.acme.Thing' }));
    const encoded = encodeToBuffer(Old, { id: 'q' });
    const record = lazy(New).decoder(Old).decode(encoded, 0, encoded.length);
    expect(record.get('count')).toBe(4);
    expect(sent(New, record.with({ count: 5 }))).toEqual({ id: 'q', count: 5 });
  });

  it('checks a whole value as its codec does', () => {
    const Even = avro(z.object({ n: z.int32().refine((n) => n % 2 === 0, 'must be even') }).meta({ id: 'Even' }));
    expect(lazy(Even).parse(lazy(Even).of({ n: 2 })).toObject()).toEqual({ n: 2 });
    expect(() => lazy(Even).parse(read(Even, { n: 3 }))).toThrow('must be even');
    expect(() => lazy(Even).parse({ n: 2 })).toThrow('must be a lazy record');
  });

  it('has the JSON of whole records', () => {
    const Plain = avro(z.object({ id: z.string(), n: z.int() }).meta({ id: 'Plain' }));
    const form = jsonFormOf(lazy(Plain));
    const buffer = Buffer.alloc(100);
    const end = form.encode(read(Plain, { id: 'a', n: 1 }).with({ n: 2 }), buffer, 0);
    expect(buffer.toString('utf8', 0, end)).toBe('{"id":"a","n":2}');
    expect(form.decoder.decode(buffer, 0, end).get('n')).toBe(2);
  });

  it('takes only codecs of Avro records', () => {
    expect(() => lazy(avro(z.string()) as never)).toThrow('MILLRACE_SCHEMA_UNMAPPABLE: lazy() takes a codec that avro() made for an object, not string');
    expect(() => lazy(json(z.object({ a: z.string() })))).toThrow('not a codec of the format json');
    expect(() => lazy(bytes())).toThrow('not a codec of the format bytes');
    expect(() => lazy(LazyOrder)).toThrow('not a lazy one');
  });
});

describe('what somebody does with a record afterwards', () => {
  it('to the object that it gave changes nothing', () => {
    for (const record of [read(Order, ORDER), read(Order, ORDER).with({ count: 2 }), LazyOrder.of({ ...ORDER })]) {
      record.toObject().id = 'other';
      expect(record.get('id')).toBe('a-1');
    }
  });

  it('and changes with inherited members are taken alike everywhere', () => {
    class Changes {
      readonly price = 7;
      get count(): number {
        return 9;
      }
    }
    for (const record of [read(Order, ORDER), read(Order, ORDER).with({}), LazyOrder.of(ORDER)]) {
      const changed = record.with(new Changes());
      expect([changed.get('price'), changed.get('count')]).toEqual([7, -3]);
      expect([changed.toObject(), sent(Order, changed), sent(Order, changed.with({}))]).toStrictEqual(Array(3).fill({ ...ORDER, price: 7 }));
    }
  });

  it('and a value whose members are inherited keeps them', () => {
    const Pair = avro(z.object({ id: z.string(), n: z.int32() }).meta({ id: 'Pair' }));
    class Value {
      n = 1;
      get id(): string {
        return 'x';
      }
    }
    const record = lazy(Pair).of(new Value()).with({ n: 2 });
    expect(record.get('id')).toBe('x');
    expect(sent(Pair, record)).toEqual({ id: 'x', n: 2 });
  });

  it('and unknown members of changes are none', () => {
    for (const record of [read(Order, ORDER), LazyOrder.of(ORDER)]) {
      const changed = record.with({ size: 1, sise: 5 } as never);
      expect(() => changed.get('sise' as never)).toThrow('has no field sise');
      expect(changed.toObject()).toStrictEqual({ ...ORDER, size: 1 });
    }
  });
});

describe('bad input', () => {
  it('is refused where it is said', () => {
    const record = read(Order, ORDER);
    expect(() => record.with({ count: 'three' as never, at: new Date(NaN) })).toThrow(/MILLRACE_VALUE_INVALID: a value breaks the schema com\.acme\.Order:[^]*count must be [^]*not 'three'[^]*at must be/);
    expect(() => LazyOrder.of(ORDER).with({ note: 5 as never })).toThrow('note must be');
    expect(() => LazyOrder.of({ ...ORDER, id: 1 as never })).toThrow('id must be a string');
    for (const each of [record, record.with({ count: 1 }), LazyOrder.of(ORDER)]) expect(() => each.get('prize' as never)).toThrow('MILLRACE_OPTION_INVALID: a record of com.acme.Order has no field prize; it has id, price, count');
  });

  it('is found when a change was tampered with afterwards', () => {
    const changes = { count: 1 };
    const record = read(Order, ORDER).with(changes);
    changes.count = 'x' as never;
    expect(() => encodeToBuffer(LazyOrder, record)).toThrow('count must be');
  });

  it('does not come through in bytes that are no record', () => {
    const encoded = encodeToBuffer(Order, ORDER);
    const decoder = LazyOrder.decoder(LazyOrder);
    for (let end = 0; end < encoded.length; end++) expect(() => decoder.decode(encoded, 0, end), String(end)).toThrow('MILLRACE_UNDECODABLE: a record of com.acme.Order cannot be decoded');
    expect(() => decoder.decode(Buffer.concat([encoded, Buffer.alloc(1)]), 0, encoded.length + 1)).toThrow('1 bytes are left over');
  });

  it('is read as the whole codec does where blocks lie about their size', () => {
    const Blocks = avro(z.object({ tags: z.array(z.int32()), s: z.string(), n: z.int32() }).meta({ id: 'Blocks' }));
    // One item in a block that claims three bytes.
    const odd = Uint8Array.of(1, 6, 2, 0, 6, 0, 2, 65, 14);
    const record = lazy(Blocks).decoder(Blocks).decode(odd, 0, odd.length);
    const whole = Blocks.decoder(Blocks).decode(odd, 0, odd.length);
    expect({ tags: record.get('tags'), s: record.get('s'), n: record.get('n') }).toEqual(whole);
    expect(sent(Blocks, record.with({ n: 8 }))).toEqual({ ...whole, n: 8 });
  });

  it('may nest as deep as a whole record, and no deeper', () => {
    interface Tree {
      readonly next?: Tree | undefined;
    }
    const Tree = z.object({
      get next(): z.ZodOptional<typeof Tree> {
        return Tree.optional();
      },
    }).meta({ id: 'Tree' });
    const codec = avro(Tree) as Codec<Tree>;
    for (const levels of [512, 513]) {
      let tree: Tree = {};
      for (let i = 1; i < levels; i++) tree = { next: tree };
      const bytes = encodeToBuffer(codec, tree);
      const decodes = [codec.decoder(codec), lazy(codec).decoder(codec)].map((decoder) => () => void decoder.decode(bytes, 0, bytes.length));
      for (const decode of decodes) {
        if (levels === 512) decode();
        else expect(decode).toThrow('nest deeper than 512');
      }
    }
  });

  it('can be printed', () => {
    const Flags = avro(z.object({ id: z.string(), flags: z.array(z.boolean()) }).meta({ id: 'Flags' }));
    const encoded = encodeToBuffer(Flags, { id: 'a', flags: [true] });
    encoded[encoded.length - 2] = 7;
    expect(inspect(lazy(Flags).decoder(Flags).decode(encoded, 0, encoded.length))).toContain('MILLRACE_FIELD_UNDECODABLE');
  });

  it('is refused where the whole codec refuses it, at the latest when all of it is asked for, and taken where that takes it', () => {
    const encoded = encodeToBuffer(Order, ORDER);
    const whole = Order.decoder(Order);
    const decoder = LazyOrder.decoder(LazyOrder);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(encoded.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }), fc.nat(encoded.length), (changes, end) => {
        const bytes = Buffer.from(encoded);
        for (const [at, byte] of changes) bytes[at] = byte;
        const expected = outcome(() => whole.decode(bytes, 0, end));
        expect(outcome(() => decoder.decode(bytes, 0, end).toObject())).toStrictEqual(expected);
        expect(outcome(() => sent(Order, decoder.decode(bytes, 0, end).with({ count: 9 })))).toStrictEqual(typeof expected === 'object' ? { ...expected, count: 9 } : expected);
      }),
      { numRuns: 1_000 },
    );
  });

  it('within a field shows when that is asked for', () => {
    const Flags = avro(z.object({ id: z.string(), flags: z.array(z.boolean()) }).meta({ id: 'Flags' }));
    const encoded = encodeToBuffer(Flags, { id: 'a', flags: [true] });
    encoded[encoded.length - 2] = 7;
    const record = lazy(Flags).decoder(Flags).decode(encoded, 0, encoded.length);
    expect(record.get('id')).toBe('a');
    expect(() => record.get('flags')).toThrow('MILLRACE_FIELD_UNDECODABLE: Flags.flags cannot be decoded: a boolean is 7');
    expect(() => record.toObject()).toThrow('MILLRACE_FIELD_UNDECODABLE: a field of Flags cannot be decoded: a boolean is 7');
  });
});

function roundTrip<T>(codec: Codec<T>, value: T): T {
  const encoded = encodeToBuffer(codec, value);
  return codec.decoder(codec).decode(encoded, 0, encoded.length);
}

/** Some value of a schema. */
function sample(type: z.ZodType, seed: number): unknown {
  const samples: readonly unknown[] = ['', 'a', 'b', 'text'.repeat(seed % 100), seed | 0, -1, 0.5, seed % 2 === 0, null, [seed | 0, 1, 2], [], 5n, BigInt(seed) * -7n, { x: 'y' }, { x: 'text'.repeat(seed % 50), y: 'z' }, {}];
  const fitting = samples.filter((each) => type.safeParse(each).success).map((each) => type.parse(each));
  return fitting[seed % fitting.length];
}

/** What a call gives, or that what it reads is damaged. */
function outcome(call: () => Order): Order | 'damaged' {
  try {
    return call();
  } catch (error) {
    if (MillraceError.is(error, 'MILLRACE_UNDECODABLE') || MillraceError.is(error, 'MILLRACE_FIELD_UNDECODABLE')) return 'damaged';
    throw error;
  }
}
