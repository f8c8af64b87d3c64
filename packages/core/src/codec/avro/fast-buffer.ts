/**
 * Node's own ways to read and write text in a Buffer, up to a fifth faster than `toString` and `write`. They are not in its docs,
 * so those stand in where they are missing.
 */
export interface FastBuffer extends Buffer {
  utf8Slice(start: number, end: number): string;
  utf8Write(text: string, position: number): number;
}

export const HAS_FAST_TEXT = 'utf8Slice' in Buffer.prototype && 'utf8Write' in Buffer.prototype;
