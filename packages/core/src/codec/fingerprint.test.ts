import avsc from 'avsc';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { canonicalForm } from './avro/canonical.js';
import { crc64Avro } from './avro/fingerprint.js';
import { parseAvroSchema } from './avro/parse.js';
import { avro, bytes, json, parseWriterSchema, text } from './index.js';

/** Schemas with their canonical forms and signed fingerprints, from the test data of Apache Avro (schema-tests.txt). */
const VECTORS: readonly (readonly [schema: string, canonical: string, fingerprint: bigint])[] = [
  ['"null"', '"null"', 7195948357588979594n],
  ['{"type":"boolean"}', '"boolean"', -6970731678124411036n],
  ['"int"', '"int"', 8247732601305521295n],
  ['"long"', '"long"', -3434872931120570953n],
  ['"float"', '"float"', 5583340709985441680n],
  ['"double"', '"double"', -8181574048448539266n],
  ['"bytes"', '"bytes"', 5746618253357095269n],
  ['"string"', '"string"', -8142146995180207161n],
  ['[ "int" , {"type":"boolean"} ]', '["int","boolean"]', 5392556393470105090n],
  ['{"fields":[], "type":"record", "name":"foo", "namespace":"x.y"}', '{"name":"x.y.foo","type":"record","fields":[]}', 5916914534497305771n],
  ['{"fields":[], "type":"record", "name":"a.b.foo", "namespace":"x.y"}', '{"name":"a.b.foo","type":"record","fields":[]}', -4616218487480524110n],
  ['{"fields":[], "type":"record", "name":"foo", "doc":"foo", "aliases":["foo","bar"]}', '{"name":"foo","type":"record","fields":[]}', -4824392279771201922n],
  [
    '{"fields":[{"type":"boolean", "aliases":[], "name":"f1", "default":"true"}, {"order":"descending","name":"f2","doc":"Hello","type":"int"}], "type":"record", "name":"foo"}',
    '{"name":"foo","type":"record","fields":[{"name":"f1","type":"boolean"},{"name":"f2","type":"int"}]}',
    -4860222112080293046n,
  ],
  ['{"namespace":"x.y.z", "type":"enum", "name":"foo", "doc":"foo bar", "symbols":["A1", "A2"]}', '{"name":"x.y.z.foo","type":"enum","symbols":["A1","A2"]}', -4448647247586288245n],
  ['{"namespace":"x.y.z", "type":"fixed", "name":"foo", "doc":"foo bar", "size":32}', '{"name":"x.y.z.foo","type":"fixed","size":32}', -3064184465700546786n],
  ['{ "items":{"type":"null"}, "type":"array"}', '{"type":"array","items":"null"}', -589620603366471059n],
  ['{ "values":"string", "type":"map"}', '{"type":"map","values":"string"}', -8732877298790414990n],
  [
    '{"name":"PigValue","type":"record", "fields":[{"name":"value", "type":["null", "int", "long", "PigValue"]}]}',
    '{"name":"PigValue","type":"record","fields":[{"name":"value","type":["null","int","long","PigValue"]}]}',
    -1759257747318642341n,
  ],
];

const asHex = (fingerprint: bigint): string => BigInt.asUintN(64, fingerprint).toString(16).padStart(16, '0');

describe('fingerprints', () => {
  it.each(VECTORS)('of %s are those of Apache Avro', (schema, canonical, fingerprint) => {
    expect(canonicalForm(parseAvroSchema(schema, { defaults: false }))).toBe(canonical);
    expect(crc64Avro(canonical)).toBe(asHex(fingerprint));
    expect(parseWriterSchema('avro', schema)).toEqual({ format: 'avro', schema, fingerprint: asHex(fingerprint) });
  });

  it('follow the loop of the specification, bit by bit', () => {
    const empty = 0xc15d213aa4d7a795n;
    const direct = (text: string): bigint => {
      let fingerprint = empty;
      for (const byte of Buffer.from(text)) {
        fingerprint ^= BigInt(byte);
        for (let bit = 0; bit < 8; bit++) fingerprint = (fingerprint >> 1n) ^ (empty & -(fingerprint & 1n) & (2n ** 64n - 1n));
      }
      return fingerprint;
    };
    for (const text of ['', 'a', '"int"', 'é😀', 'x'.repeat(300)]) expect(crc64Avro(text)).toBe(asHex(direct(text)));
  });

  it('are the bytes of single-object encoding from the last to the first', () => {
    const { fingerprint } = parseWriterSchema('avro', '"null"');
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(7195948357588979594n);
    expect(fingerprint).toBe('63dd24e7cc258f8a');
    expect(bytes.toString('hex')).toBe('8a8f25cce724dd63');
  });

  it('are taken of the same canonical form that avsc makes', () => {
    const schemas: avsc.Schema[] = [
      { type: 'record', name: 'Out', namespace: 'a.b', fields: [{ name: 'in', type: { type: 'record', name: 'In', fields: [{ name: 'out', type: ['null', 'Out'], default: null }] } }, { name: 'f', type: { type: 'fixed', name: 'c.F', size: 3 } }, { name: 'again', type: { type: 'array', items: 'In' } }] },
      { type: 'map', values: [{ type: 'enum', name: 'E', symbols: ['a'] }, 'long', { type: 'bytes', logicalType: 'decimal', precision: 4 } as never] },
    ];
    for (const schema of schemas) expect(canonicalForm(parseAvroSchema(JSON.stringify(schema), { defaults: false }))).toBe(JSON.stringify(avsc.Type.forSchema(schema, { wrapUnions: 'always' }).schema()));
  });

  it('are golden for each format: a change would orphan what is stored', () => {
    const Order = z.object({ id: z.int(), lines: z.array(z.object({ sku: z.string(), note: z.string().optional() })), mode: z.enum(['on', 'off']) }).meta({ id: 'com.acme.Order' });
    expect([avro(Order), json(Order), text(), bytes()].map(({ format, name, fingerprint, schema }) => ({ format, name, fingerprint, schema }))).toMatchInlineSnapshot(`
      [
        {
          "fingerprint": "b50e542e8d7b1a89",
          "format": "avro",
          "name": "com.acme.Order",
          "schema": "{"type":"record","name":"com.acme.Order","fields":[{"name":"id","type":"long"},{"name":"lines","type":{"type":"array","items":{"type":"record","name":"com.acme.Order_lines_item","fields":[{"name":"sku","type":"string"},{"name":"note","type":["null","string"],"default":null}]}}},{"name":"mode","type":{"type":"enum","name":"com.acme.Order_mode","symbols":["on","off"]}}]}",
        },
        {
          "fingerprint": "961ffe3716b2a4f3",
          "format": "json",
          "name": "com.acme.Order",
          "schema": "{"$schema":"https://json-schema.org/draft/2020-12/schema","$ref":"#/$defs/com.acme.Order","$defs":{"com.acme.Order":{"type":"object","properties":{"id":{"type":"integer","minimum":-9007199254740991,"maximum":9007199254740991},"lines":{"type":"array","items":{"type":"object","properties":{"sku":{"type":"string"},"note":{"type":"string"}},"required":["sku"],"additionalProperties":false}},"mode":{"type":"string","enum":["on","off"]}},"required":["id","lines","mode"],"additionalProperties":false}}}",
        },
        {
          "fingerprint": "cbb24ca945feb26b",
          "format": "text",
          "name": "",
          "schema": ""string"",
        },
        {
          "fingerprint": "acfb44b7b0e48c9d",
          "format": "bytes",
          "name": "",
          "schema": ""bytes"",
        },
      ]
    `);
  });
});
