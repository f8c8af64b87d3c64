import avsc from 'avsc';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { avro, encodeToBuffer, firstInvalid, json, type Codec } from './index.js';

/** A schema together with values of it. */
interface Sample {
  readonly schema: z.ZodType;
  readonly values: fc.Arbitrary<unknown>;
}

const text = fc.string({ unit: 'binary', maxLength: 20 }).filter((value) => (value as string & { isWellFormed(): boolean }).isWellFormed());
const safe = fc.maxSafeInteger();
const sample = (schema: z.ZodType, values: fc.Arbitrary<unknown>): Sample => ({ schema, values });

const scalars: Readonly<Record<string, Sample>> = {
  string: sample(z.string(), text),
  long: sample(z.string().max(0).or(z.string()), fc.string({ minLength: 60, maxLength: 70 })),
  boolean: sample(z.boolean(), fc.boolean()),
  double: sample(z.number(), fc.double({ noNaN: true, noDefaultInfinity: true })),
  float: sample(z.float32(), fc.float({ noNaN: true, noDefaultInfinity: true })),
  int: sample(z.int32(), fc.integer()),
  safe: sample(z.int(), safe),
  bigint: sample(z.int64(), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  date: sample(z.date(), fc.date({ noInvalidDate: true })),
  bytes: sample(z.instanceof(Uint8Array), fc.uint8Array({ maxLength: 40 })),
  enum: sample(z.enum(['a-1', 'b', 'constructor']), fc.constantFrom('a-1', 'b', 'constructor')),
  literal: sample(z.literal(['x', 'y']), fc.constantFrom('x', 'y')),
  null: sample(z.null(), fc.constant(null)),
};

/** Types that one union can have together. */
const DISTINCT = ['string', 'double', 'boolean', 'bigint', 'bytes', 'null'] as const;

const samples = fc.letrec<{ any: Sample; object: Sample }>((tie) => ({
  any: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(...Object.values(scalars)),
    tie('any').map(({ schema, values }) => sample(z.array(schema), fc.array(values, { maxLength: 4 }))),
    tie('any').map(({ schema, values }) => sample(z.record(z.string(), schema), fc.dictionary(text.filter((key) => key !== '__proto__'), values, { maxKeys: 4, noNullPrototype: true }))),
    fc.subarray([...DISTINCT], { minLength: 2 }).map((kinds) => {
      const parts = kinds.map((kind) => scalars[kind] as Sample);
      return sample(z.union(parts.map((part) => part.schema)), fc.oneof(...parts.map((part) => part.values)));
    }),
    tie('object'),
    fc.array(tie('object'), { minLength: 1, maxLength: 3 }).map((options) => {
      const tagged = options.map(({ schema, values }, index) => ({ schema: (schema as z.ZodObject).extend({ tag: z.literal(`t${index}`) }), values: values.map((value) => ({ ...(value as object), tag: `t${index}` })) }));
      return sample(z.discriminatedUnion('tag', tagged.map((option) => option.schema) as never), fc.oneof(...tagged.map((option) => option.values)));
    }),
  ),
  object: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'toString', '_x'), fc.tuple(tie('any'), fc.constantFrom('required', 'optional', 'nullable', 'exact')), { maxKeys: 4, noNullPrototype: true }).map((members) => {
    const shape: Record<string, z.ZodType> = {};
    const values: Record<string, fc.Arbitrary<unknown>> = {};
    const missable: string[] = [];
    for (const [key, [member, how]] of Object.entries(members)) {
      const nothing = member.schema.safeParse(null).success;
      shape[key] = how === 'optional' ? member.schema.optional() : how === 'nullable' ? member.schema.nullable() : how === 'exact' ? member.schema.exactOptional() : member.schema;
      // What is null within an optional reads as null, so undefined would not come back.
      values[key] = how === 'optional' && !nothing ? fc.option(member.values, { nil: undefined }) : how === 'nullable' ? fc.option(member.values) : member.values;
      if (how === 'exact' && !nothing) missable.push(key);
    }
    const required = Object.keys(values).filter((key) => !missable.includes(key));
    return sample(z.object(shape), fc.record(values, { requiredKeys: required, noNullPrototype: true }));
  }),
}));

class Case {
  constructor(
    readonly schema: z.ZodObject,
    readonly value: unknown,
  ) {}

  /** What fast-check prints of a failure: a schema of zod as it is would fill pages. */
  [fc.toStringMethod](): string {
    return `${avro(this.schema).schema} ${fc.stringify(this.value)}`;
  }
}

/** A generated record with a value of it. */
const cases = samples.object.chain(({ schema, values }) => values.map((value) => new Case((schema as z.ZodObject).meta({ id: 'a.Root' }), value)));

function decode<T>(codec: Codec<T>, bytes: Uint8Array): T {
  return codec.decoder(codec).decode(bytes, 0, bytes.length);
}

describe('any schema and value', () => {
  it('comes back as it went, and is what zod accepts', () => {
    fc.assert(
      fc.property(cases, ({ schema, value }) => {
        const codec = avro(schema);
        expect(codec.problems(value)).toEqual([]);
        expect(codec.isValid(value)).toBe(true);
        const back = decode(codec, encodeToBuffer(codec, value as never));
        expect(back).toEqual(value);
        expect(codec.isValid(back)).toBe(true);
        // zod takes the toString that every object inherits for a member.
        if (schema.safeParse(value).success) expect(schema.safeParse(back).success).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it('is the same bytes for avsc, by the published schema', () => {
    fc.assert(
      fc.property(cases, ({ schema, value }) => {
        const codec = avro(schema);
        const bytes = encodeToBuffer(codec, value as never);
        const type = avsc.Type.forSchema(JSON.parse(codec.schema), { wrapUnions: 'always', omitRecordMethods: true, typeHook: exactLong });
        expect(JSON.stringify(type.schema())).toBe(JSON.stringify(avsc.Type.forSchema(JSON.parse(codec.schema), { wrapUnions: 'always' }).schema()));
        const read: unknown = type.fromBuffer(bytes);
        // Maps may come in another order, so the bytes are compared by what they say.
        expect(decode(codec, type.toBuffer(read))).toEqual(value);
        expect(type.toBuffer(read)).toHaveLength(bytes.length);
      }),
      { numRuns: 100 },
    );
  });

  it('is checked alike by the compiled checks, of one value and of many, and the explanation', () => {
    const anything = fc.anything({ withDate: true, withBigInt: true, withMap: true, withTypedArray: true, maxDepth: 2 });
    const spoilt = cases.chain(({ schema, value }) => fc.tuple(fc.constant(new Case(schema, value)), fc.constantFrom('a', 'b', 'c', 'toString', '_x', 'tag'), anything));
    fc.assert(
      fc.property(spoilt, ([{ schema, value }, key, other]) => {
        const codec = avro(schema);
        for (const candidate of [other, { ...(value as object), [key]: other }]) {
          const valid = codec.isValid(candidate);
          expect(codec.problems(candidate).length === 0).toBe(valid);
          expect(firstInvalid(codec, [value, value, candidate, value])).toBe(valid ? -1 : 2);
          // Whatever passes can be written, and reads as something that passes.
          if (valid) expect(codec.isValid(decode(codec, encodeToBuffer(codec, candidate)))).toBe(true);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('is read by a later schema that drops and adds fields', () => {
    fc.assert(
      fc.property(cases, fc.array(fc.constantFrom('a', 'b', 'c', 'toString', '_x')), ({ schema, value }, dropped) => {
        const kept = Object.fromEntries(Object.entries(schema.shape).filter(([key]) => !(dropped as readonly string[]).includes(key)).reverse());
        const later = avro(z.object({ added: z.string().default('new'), ...kept, more: z.date().optional() }).meta({ id: 'a.Root' }));
        const writer = avro(schema);
        const bytes = encodeToBuffer(writer, value as never);
        const expected = Object.fromEntries(Object.entries(value as object).filter(([key]) => key in kept && Object.hasOwn(kept, key)));
        expect(later.decoder(writer).decode(bytes, 0, bytes.length)).toEqual({ ...expected, added: 'new' });
      }),
      { numRuns: 100 },
    );
  });

  it('comes back from JSON too, where JSON has a form for it', () => {
    fc.assert(
      fc.property(cases, ({ schema, value }) => {
        let codec: Codec<Record<string, unknown>>;
        try {
          codec = json(schema);
        } catch {
          return;
        }
        if (codec.schema.includes('toString') || !codec.isValid(value)) return;
        expect(decode(codec, encodeToBuffer(codec, value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
      { numRuns: 100 },
    );
  });
});

/** A long of avsc that is right in all of 64 bits; its own writes what is below -2^52 as another number. */
function exactLong(schema: avsc.Schema): avsc.Type | undefined {
  if (schema !== 'long' && (schema as { readonly type?: unknown }).type !== 'long') return undefined;
  return avsc.types.LongType.__with({
    fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
    toBuffer: (value: bigint) => {
      const buffer = Buffer.alloc(8);
      buffer.writeBigInt64LE(value);
      return buffer;
    },
    fromJSON: BigInt,
    toJSON: Number,
    isValid: (value: unknown) => typeof value === 'bigint',
    compare: (a: bigint, b: bigint) => (a < b ? -1 : Number(a > b)),
  });
}
