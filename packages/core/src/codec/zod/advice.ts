/** What to use instead of a type of zod that a record cannot carry, by the type's name. */
const ADVICE: Readonly<Record<string, string>> = {
  any: 'name its type, or carry it as z.string() with JSON in it',
  unknown: 'name its type, or carry it as z.string() with JSON in it',
  map: 'use z.record(z.string(), …)',
  set: 'use z.array(…)',
  tuple: 'use z.object with named fields',
  intersection: 'use .extend(…)',
  transform: 'transform after retrieve()',
  pipe: 'transform after retrieve()',
  catch: "use the port's onError policy",
  undefined: 'use .optional()',
  void: 'use .optional()',
  nan: 'use z.number()',
  success: 'use z.boolean()',
  file: 'use z.instanceof(Uint8Array) for bytes',
};

/** The sentence for a type that has no form. */
export function noForm(format: 'Avro' | 'JSON', type: string, advice: Readonly<Record<string, string>> = ADVICE): string {
  const way = advice[type];
  return `z.${type} has no ${format} form${way === undefined ? '' : `; ${way}`}`;
}
