import { describe, expect, it } from 'vitest';
import { bytes, encodeToBuffer, text, type Codec } from './index.js';

function decode<T>(codec: Codec<T>, of: Uint8Array): T {
  return codec.decoder(codec).decode(of, 0, of.length);
}

describe('text', () => {
  it('is UTF-8, read strictly', () => {
    expect([text().format, text().name, text().schema]).toEqual(['text', '', '"string"']);
    for (const value of ['', 'plain', 'é😀', '\ufffd', '\ufeffmark', '\0']) expect(decode(text(), encodeToBuffer(text(), value))).toBe(value);
    for (const bad of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80]]) expect(() => decode(text(), Buffer.from(bad))).toThrow('MILLRACE_UNDECODABLE: a record cannot be decoded: the bytes are no UTF-8');
  });

  it('refuses what is no text, and half of a character', () => {
    expect(text().isValid('a\ud800')).toBe(false);
    expect(text().problems(5)).toEqual([{ path: '', expected: 'a string, without lone surrogates', found: '5' }]);
    expect(() => text().parse('\udc00')).toThrow('MILLRACE_VALUE_INVALID');
    expect(() => text().encode(5 as never, Buffer.alloc(10), 0)).toThrow('MILLRACE_VALUE_INVALID');
  });

  it('says how many bytes are missing', () => {
    expect(text().encode('éé', Buffer.alloc(5), 2)).toBe(-1);
    expect(text().encode('éé', Buffer.alloc(6), 2)).toBe(6);
  });

  it('reads one of many, and nothing beyond', () => {
    const buffer = new Uint8Array(Buffer.from('onetwothree'));
    expect(text().decoder(text()).decode(buffer, 3, 6)).toBe('two');
    expect(() => text().decoder(text()).decode(buffer, 3, 60)).toThrow('MILLRACE_UNDECODABLE');
  });
});

describe('bytes', () => {
  it('are what they were, in a copy', () => {
    const value = new Uint8Array([1, 2, 3]);
    const buffer = encodeToBuffer(bytes(), value);
    const read = decode(bytes(), buffer);
    buffer.fill(0);
    expect(read).toStrictEqual(value);
    expect(read.buffer.byteLength).toBe(3);
    expect(bytes().isValid(Buffer.from('a'))).toBe(true);
    expect(bytes().problems('a')).toEqual([{ path: '', expected: 'a Uint8Array', found: "'a'" }]);
    expect(bytes().encode(value, Buffer.alloc(2), 0)).toBe(-1);
  });

  it('are not read as text, nor under a fingerprint that is not theirs', () => {
    expect(() => bytes().decoder(text())).toThrow('MILLRACE_SCHEMA_INCOMPATIBLE: what is written cannot be read:\n  - written as text, read as bytes');
    expect(() => bytes().decoder({ ...bytes(), format: 'bytes', schema: '"bytes"', fingerprint: '0'.repeat(16) })).toThrow('MILLRACE_SCHEMA_INVALID');
  });
});
