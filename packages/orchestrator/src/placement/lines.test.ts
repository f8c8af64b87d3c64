import { expect, it } from 'vitest';
import { Lines } from './lines.js';

it('cuts a stream into lines, whatever its pieces', () => {
  const lines: string[] = [];
  const cutter = new Lines((line) => lines.push(line));
  for (const piece of ['a', 'b\nc\r', '\n\nd', 'e']) cutter.add(piece);
  expect(lines).toEqual(['ab', 'c\r', ''].map((line) => line.replace('\r', '')));
  cutter.end();
  cutter.end();
  expect(lines).toEqual(['ab', 'c', '', 'de']);
});

it('holds no line without bound', () => {
  const lines: string[] = [];
  const cutter = new Lines((line) => lines.push(line));
  for (let i = 0; i < 100; i++) cutter.add('x'.repeat(10_000));
  expect(lines.length).toBeGreaterThan(10);
  cutter.end();
  expect(lines.join('')).toHaveLength(1_000_000);
});
