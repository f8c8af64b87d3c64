import { z } from 'zod';

/** The schema below `.optional()`, `.default()` and the like: what a given value is held against. */
export function innermost(schema: z.core.$ZodType): z.core.$ZodType {
  let here = schema;
  for (let depth = 0; depth < 100; depth++) {
    if (here instanceof z.ZodOptional || here instanceof z.ZodNullable || here instanceof z.ZodDefault || here instanceof z.ZodPrefault || here instanceof z.ZodReadonly || here instanceof z.ZodCatch || here instanceof z.ZodNonOptional) here = here.def.innerType;
    else if (here instanceof z.ZodPipe) here = here.def.in;
    else if (here instanceof z.ZodLazy) here = here.def.getter();
    else return here;
  }
  return here;
}

/** Whether the author of an object schema said that it takes other members too (`z.looseObject`, `.catchall`). */
export function isOpen(schema: z.ZodObject): boolean {
  return schema.def.catchall !== undefined && !(schema.def.catchall instanceof z.ZodNever);
}

/** The schema of a member or an item; `undefined` where the schema above says nothing of it. */
export function memberInSchema(schema: z.core.$ZodType | undefined, step: PropertyKey): z.core.$ZodType | undefined {
  const inner = schema && innermost(schema);
  if (inner instanceof z.ZodRecord) return inner.valueType;
  if (inner instanceof z.ZodArray) return inner.element;
  return inner instanceof z.ZodObject && Object.hasOwn(inner.shape, step) ? (inner.shape as Readonly<Record<PropertyKey, z.core.$ZodType>>)[step] : undefined;
}
