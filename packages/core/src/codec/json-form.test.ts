import { expect, it } from 'vitest';
import { z } from 'zod';
import { avro, bytes, jsonFormOf, type Codec } from './index.js';

function write<T>(codec: Codec<T>, value: T): string {
  const buffer = Buffer.alloc(256);
  return buffer.toString('utf8', 0, jsonFormOf(codec).encode(value, buffer, 0));
}
function read<T>(codec: Codec<T>, text: string): T {
  const bytes = Buffer.from(text);
  return jsonFormOf(codec).decoder.decode(bytes, 0, bytes.length);
}

it('of a zod schema parses what it reads, and writes what is there', () => {
  const Order = avro(z.object({ id: z.int(), quantity: z.int().default(1), note: z.string().optional() }).meta({ id: 'Order' }));
  expect(read(Order, '{"id":1,"more":true}')).toEqual({ id: 1, quantity: 1 });
  expect(write(Order, { id: 1, quantity: 2, note: undefined })).toBe('{"id":1,"quantity":2}');
  for (const text of ['{"id":"1"}', '[]', '', '{"id":1']) expect(() => read(Order, text)).toThrow(expect.objectContaining({ code: 'MILLRACE_UNDECODABLE' }) as Error);
});

it('of an Avro schema is plain and checked', () => {
  const Point = avro<{ x: number; name: string | null }>('{"type":"record","name":"Point","fields":[{"name":"x","type":"double"},{"name":"name","type":["null","string"]}]}');
  expect(read(Point, '{"x":1.5,"name":null}')).toEqual({ x: 1.5, name: null });
  expect(write(Point, { x: 1.5, name: 'a' })).toBe('{"x":1.5,"name":"a"}');
  expect(() => read(Point, '{"x":"1.5","name":null}')).toThrow('it breaks the schema: x must be');
});

it('refuses numbers that JSON would turn into null', () => {
  const Measure = avro(z.object({ value: z.number() }).meta({ id: 'Measure' }));
  for (const value of [NaN, Infinity]) expect(() => write(Measure, { value })).toThrow(expect.objectContaining({ code: 'MILLRACE_VALUE_INVALID' }) as Error);
});

it('says how much room is missing', () => {
  const Text = avro(z.object({ text: z.string() }).meta({ id: 'Text' }));
  expect(jsonFormOf(Text).encode({ text: 'é' }, Buffer.alloc(5), 2)).toBe(5 - 2 - '{"text":"é"}'.length - 1);
});

it('is not there for what is neither Avro nor JSON', () => {
  expect(() => jsonFormOf(bytes())).toThrow(expect.objectContaining({ code: 'MILLRACE_SCHEMA_UNMAPPABLE' }) as Error);
});
