import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { encodeToBuffer, json, type Codec } from './index.js';

function decode<T>(codec: Codec<T>, bytes: Uint8Array | string): T {
  const buffer = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
  return codec.decoder(codec).decode(buffer, 0, buffer.length);
}

describe('json', () => {
  const Order = z
    .object({
      id: z.int().positive(),
      when: z.iso.datetime(),
      note: z.string().optional(),
      tags: z.array(z.string()).default([]),
      counts: z.record(z.string(), z.number()),
      pair: z.tuple([z.string(), z.int()]),
      mode: z.enum({ On: 1, Off: 0 }),
      rest: z.looseObject({ a: z.int() }),
      any: z.unknown(),
    })
    .meta({ id: 'com.acme.Order' });
  const codec = json(Order);
  const order = { id: 1, when: '2026-01-01T00:00:00Z', tags: ['a'], counts: { x: 0.5 }, pair: ['p', 2] as [string, number], mode: 1 as const, rest: { a: 1, more: [null] }, any: { deep: [1] } };

  it('writes JSON text and reads it by the schema', () => {
    expect(codec.format).toBe('json');
    expect(codec.name).toBe('com.acme.Order');
    const bytes = encodeToBuffer(codec, order);
    expect(JSON.parse(bytes.toString())).toEqual(order);
    expect(decode(codec, bytes)).toEqual(order);
    expect(codec.encode(order, Buffer.alloc(10), 3)).toBe(10 - 3 - bytes.length);
    expect(decode(codec, JSON.stringify({ ...order, tags: undefined, unknown: 5 }))).toEqual({ ...order, tags: [] });
  });

  it('checks values as they are sent: as the output of the schema, refinements included', () => {
    expect(codec.isValid(order)).toBe(true);
    expect(codec.isValid({ ...order, unknown: 5 })).toBe(true);
    const { tags: _, ...withoutTags } = order;
    expect(codec.isValid(withoutTags)).toBe(false);
    expect(codec.isValid({ ...order, id: -1 })).toBe(false);
    expect(json(z.coerce.number()).isValid('5')).toBe(false);
    expect(json(z.string().trim()).isValid(' a')).toBe(false);
    expect(codec.problems({ ...order, id: -1, pair: ['p', 'q'] })).toMatchInlineSnapshot(`
      [
        {
          "expected": "valid (Too small: expected number to be >0)",
          "found": "-1",
          "path": "id",
        },
        {
          "expected": "valid (Invalid input: expected number, received string)",
          "found": "'q'",
          "path": "pair[1]",
        },
      ]
    `);
    expect(json(z.coerce.number()).problems('5')).toMatchInlineSnapshot(`
      [
        {
          "expected": "what the schema makes of it, 5",
          "found": "'5'",
          "path": "",
        },
      ]
    `);
    expect(codec.problems(order)).toEqual([]);
    expect(codec.parse(withoutTags)).toEqual({ ...order, tags: [] });
    expect(() => codec.parse({ ...order, id: -1, mode: 7 })).toThrowErrorMatchingInlineSnapshot(`
      [MillraceError: MILLRACE_VALUE_INVALID: a value breaks the schema com.acme.Order:
        - id: Too small: expected number to be >0, found -1
        - mode: Invalid option: expected one of 1|0, found 7]
    `);
  });

  it('is undecodable where the bytes are no UTF-8, no JSON or not of the schema', () => {
    const message = (bytes: Uint8Array | string): string => {
      try {
        decode(codec, bytes);
      } catch (error) {
        return (error as Error).message;
      }
      return '';
    };
    expect(message(Buffer.from([0x22, 0xff, 0x22]))).toMatchInlineSnapshot(`"MILLRACE_UNDECODABLE: a record of com.acme.Order cannot be decoded: the bytes are no UTF-8"`);
    expect(message('{"id":1,')).toMatchInlineSnapshot(`"MILLRACE_UNDECODABLE: a record of com.acme.Order cannot be decoded: it is no JSON"`);
    expect(message('')).toMatchInlineSnapshot(`"MILLRACE_UNDECODABLE: a record of com.acme.Order cannot be decoded: it is no JSON"`);
    expect(message(JSON.stringify({ ...order, id: 'x', counts: [] }))).toMatchInlineSnapshot(`
      "MILLRACE_UNDECODABLE: a record of com.acme.Order cannot be decoded: it breaks the schema:
        - id: Invalid input: expected number, received string, found 'x'
        - counts: Invalid input: expected record, received array, found []"
    `);
    expect(decode(json(z.string()), '"\\ufffd"')).toBe('\ufffd');
    expect(decode(json(z.string()), '"\ufffd"')).toBe('\ufffd');
  });

  it('lets no key of a record change what its object inherits', () => {
    const open = json(z.object({ map: z.record(z.string(), z.any()), loose: z.looseObject({}) }));
    const read = decode(open, '{"map":{"__proto__":{"bad":1},"a":1},"loose":{"__proto__":{"bad":1},"constructor":2}}');
    expect(Object.getPrototypeOf(read.map)).toBe(Object.prototype);
    expect((read.map as { bad?: unknown }).bad).toBe(undefined);
    expect((read.loose as { bad?: unknown }).bad).toBe(undefined);
  });

  it('keeps lone surrogates and refuses what JSON has no text for', () => {
    const text = json(z.string());
    expect(decode(text, encodeToBuffer(text, 'a\ud800'))).toBe('a\ud800');
    const any = json(z.unknown());
    const loop: unknown[] = [];
    loop.push(loop);
    for (const bad of [loop, 5n, undefined, () => 1]) expect(() => encodeToBuffer(any, bad)).toThrow('MILLRACE_VALUE_INVALID: a value breaks the schema:\n  - the value must be a value that JSON can carry');
    expect(json(z.number()).isValid(Number.NaN)).toBe(false);
  });

  it('refuses every schema whose values JSON does not give back', () => {
    const Bad = z.object({
      date: z.date(),
      big: z.array(z.bigint()),
      bigLiteral: z.literal(1n),
      undefinedLiteral: z.literal(['a', undefined]),
      map: z.map(z.string(), z.int()),
      set: z.set(z.int()),
      bytes: z.instanceof(Uint8Array),
      transform: z.string().transform(Number),
      codec: z.codec(z.iso.datetime(), z.date(), { decode: (text) => new Date(text), encode: (date) => date.toISOString() }),
      nan: z.nan(),
      symbol: z.symbol(),
      undefined: z.undefined(),
      void: z.void(),
      file: z.file(),
      promise: z.promise(z.int()),
      holes: z.array(z.string().optional()),
      hole: z.tuple([z.int().optional()]),
      keys: z.record(z.number(), z.int()),
      or: z.union([z.string(), z.date()]),
      fine: z.union([z.string(), z.int().optional()]).nullable(),
      custom: z.custom<`${number}px`>((value) => typeof value === 'string'),
      both: z.intersection(z.object({ a: z.date() }), z.object({ b: z.int() })),
      get self() {
        return z.array(Bad);
      },
      lazy: z.lazy(() => z.date().readonly()),
    });
    expect(() => json(Bad)).toThrowErrorMatchingInlineSnapshot(`
      [MillraceError: MILLRACE_SCHEMA_UNMAPPABLE: this zod schema has no JSON form:
        - value.date: z.date has no JSON form; use z.iso.datetime()
        - value.big[]: z.bigint has no JSON form; use z.int(), or z.string() with the digits
        - value.bigLiteral: a literal 1n has no JSON form
        - value.undefinedLiteral: a literal undefined has no JSON form
        - value.map: z.map has no JSON form; use z.record(z.string(), …)
        - value.set: z.set has no JSON form; use z.array(…)
        - value.bytes: z.instanceof(Uint8Array) has no JSON form; use a z.object, or z.base64() for bytes
        - value.transform: z.pipe has no JSON form; transform after retrieve()
        - value.codec: z.pipe has no JSON form; transform after retrieve()
        - value.nan: z.nan has no JSON form; use z.number()
        - value.symbol: z.symbol has no JSON form
        - value.undefined: z.undefined has no JSON form; use .optional()
        - value.void: z.void has no JSON form; use .optional()
        - value.file: z.file has no JSON form; use z.base64()
        - value.promise: z.promise has no JSON form
        - value.holes[]: undefined has a JSON form as a member of an object only; use .nullable()
        - value.hole[0]: undefined has a JSON form as a member of an object only; use .nullable()
        - value.keys: the keys of z.record must be strings
        - value.or: z.date has no JSON form; use z.iso.datetime()
        - value.both.a: z.date has no JSON form; use z.iso.datetime()
        - value.lazy: z.date has no JSON form; use z.iso.datetime()]
    `);
    expect(() => json(z.string().optional())).toThrowErrorMatchingInlineSnapshot(`
      [MillraceError: MILLRACE_SCHEMA_UNMAPPABLE: this zod schema has no JSON form:
        - value: undefined has a JSON form as a member of an object only; use .nullable()]
    `);
  });

  it('publishes a JSON Schema, or the one that allows everything', () => {
    expect(JSON.parse(json(z.object({ a: z.int32(), b: z.string().optional(), c: z.custom(() => true) })).schema)).toMatchInlineSnapshot(`
      {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "additionalProperties": false,
        "properties": {
          "a": {
            "maximum": 2147483647,
            "minimum": -2147483648,
            "type": "integer",
          },
          "b": {
            "type": "string",
          },
          "c": {},
        },
        "required": [
          "a",
          "c",
        ],
        "type": "object",
      }
    `);
    const huge = z.enum(Array.from({ length: 30_000 }, (_, i) => `symbol number ${i}`) as [string]);
    expect(json(huge).schema).toBe('{}');
  });
});
