/** Values that are frozen all the way down: one that is frozen by itself may hold others that are not. */
const frozen = new WeakSet<object>();

/** Makes a value unchangeable, all the way down. Bytes stay as they are: views of buffers cannot be frozen. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || frozen.has(value)) return value;
  frozen.add(value);
  for (const member of Object.values(value)) deepFreeze(member);
  return Object.freeze(value);
}
