const strict = new TextDecoder('utf-8', { fatal: true });
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

/** Bytes as the text that they are, or in base64 as `{ base64 }`. */
export function textOrBytes(bytes: Uint8Array | undefined): string | { readonly base64: string } | null {
  if (bytes === undefined) return null;
  try {
    const text = strict.decode(bytes);
    if (!CONTROL.test(text)) return text;
  } catch {
    // Not UTF-8.
  }
  return { base64: Buffer.from(bytes).toString('base64') };
}

/** A decoded value as JSON shows it: bytes as {@link textOrBytes}, numbers that JSON lacks as text. */
export function plainValue(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (value instanceof Uint8Array) return textOrBytes(value);
  if (value instanceof Date || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(plainValue);
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [String(key), plainValue(item)]));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plainValue(item)]));
}
