import { MAX_NAME_LENGTH } from './limits.js';

const SIMPLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** A name as the Avro specification has it ("Names"): letters, digits and `_`, no digit first. */
export function isSimpleName(text: unknown): text is string {
  return typeof text === 'string' && text.length <= MAX_NAME_LENGTH && SIMPLE.test(text);
}

/** Simple names joined by dots. */
export function isFullName(text: unknown): text is string {
  return typeof text === 'string' && text.length <= MAX_NAME_LENGTH && text.split('.').every((part) => SIMPLE.test(part));
}

/**
 * A field's name must also be a key that an object literal can have as its own: assigning `__proto__` changes what the
 * object inherits instead.
 */
export function isFieldName(text: unknown): text is string {
  return isSimpleName(text) && text !== '__proto__';
}

/** The full name of a name that stands in a namespace: it keeps its own if it has one. */
export function qualify(name: string, namespace: string): string {
  return name.includes('.') || namespace === '' ? name : `${namespace}.${name}`;
}
