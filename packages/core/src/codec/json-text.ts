import { decodeUtf8 } from './bytes.js';
import { invalidValue, shorten } from './value-problem.js';

/** The JSON value in these bytes. @throws Error for what is no UTF-8 or no JSON */
export function parseJson(bytes: Uint8Array, start: number, end: number): unknown {
  const text = decodeUtf8(bytes, start, end);
  try {
    return JSON.parse(text);
  } catch (cause) {
    // What V8 says differs from version to version and quotes the record.
    throw new Error('it is no JSON', { cause });
  }
}

/** @throws MillraceError `MILLRACE_VALUE_INVALID` for what JSON cannot carry */
export function stringify(value: unknown, name: string, replacer?: (key: string, value: unknown) => unknown): string {
  try {
    const text = JSON.stringify(value, replacer) as string | undefined;
    if (text !== undefined) return text;
  } catch (cause) {
    throw invalidValue(name, [{ path: '', expected: 'a value that JSON can carry', found: shorten(value) }], cause);
  }
  throw invalidValue(name, [{ path: '', expected: 'a value that JSON can carry', found: shorten(value) }]);
}

/** Writes a text in UTF-8, with the answer of {@link Codec.encode}. */
export function writeText(text: string, buffer: Buffer, position: number): number {
  const end = position + Buffer.byteLength(text);
  if (end > buffer.length) return buffer.length - end;
  buffer.write(text, position);
  return end;
}
