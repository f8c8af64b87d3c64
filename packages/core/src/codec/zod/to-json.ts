import type { z } from 'zod';
import { noForm } from './advice.js';
import { isExactOptional, metadataOf, schemaOf, type Schema } from './inspect.js';

const ADVICE: Readonly<Record<string, string>> = {
  bigint: 'use z.int(), or z.string() with the digits',
  date: 'use z.iso.datetime()',
  map: 'use z.record(z.string(), …)',
  set: 'use z.array(…)',
  undefined: 'use .optional()',
  void: 'use .optional()',
  nan: 'use z.number()',
  transform: 'transform after retrieve()',
  pipe: 'transform after retrieve()',
  file: 'use z.base64()',
};

/** Every place of a zod schema whose values JSON does not give back as they were, with what to use instead. */
export function problemsForJson(schema: z.core.$ZodType): readonly string[] {
  const checker = new JsonChecker();
  checker.visit(schema, metadataOf(schema).id ?? 'value', false);
  return checker.problems;
}

class JsonChecker {
  readonly problems: string[] = [];
  /** Seen as members, and elsewhere: a schema may be fine in one place only. */
  readonly #seen = [new Set<z.core.$ZodType>(), new Set<z.core.$ZodType>()] as const;

  /** @param member the value is a member of an object, where undefined and a missing key are the same. */
  visit(schema: z.core.$ZodType, path: string, member: boolean): void {
    const seen = this.#seen[member ? 0 : 1];
    if (seen.has(schema)) return;
    seen.add(schema);
    this.#visit(schemaOf(schema), path, member);
  }

  #visit(schema: Schema, path: string, member: boolean): void {
    const { def } = schema._zod;
    switch (def.type) {
      case 'string':
      case 'template_literal':
      case 'number':
      case 'boolean':
      case 'null':
      case 'enum':
      case 'any':
      case 'unknown':
      case 'never':
        return;
      case 'literal': {
        const wrong = def.values.find((value) => typeof value === 'bigint' || value === undefined);
        if (def.values.includes(wrong)) this.problems.push(`${path}: a literal ${String(wrong)}${typeof wrong === 'bigint' ? 'n' : ''} has no JSON form`);
        return;
      }
      case 'custom': {
        const { Class } = schema._zod.bag as { readonly Class?: { readonly name: string } };
        if (Class !== undefined) this.problems.push(`${path}: z.instanceof(${Class.name}) has no JSON form; use a z.object, or z.base64() for bytes`);
        return;
      }
      case 'object':
        for (const [key, value] of Object.entries(def.shape)) this.visit(value, `${path}.${key}`, true);
        if (def.catchall !== undefined) this.visit(def.catchall, `${path}{}`, true);
        return;
      case 'record': {
        const { type } = schemaOf(def.keyType)._zod.def;
        if (!['string', 'enum', 'literal', 'template_literal'].includes(type)) this.problems.push(`${path}: the keys of z.record must be strings`);
        return this.visit(def.valueType, `${path}{}`, true);
      }
      case 'array':
        return this.visit(def.element, `${path}[]`, false);
      case 'tuple':
        def.items.forEach((item, index) => this.visit(item, `${path}[${index}]`, false));
        if (def.rest !== null) this.visit(def.rest, `${path}[]`, false);
        return;
      case 'union':
        for (const option of def.options) this.visit(option, path, member);
        return;
      case 'intersection':
        this.visit(def.left, path, member);
        return this.visit(def.right, path, member);
      case 'optional':
        if (!member && !isExactOptional(schema)) this.problems.push(`${path}: undefined has a JSON form as a member of an object only; use .nullable()`);
        return this.visit(def.innerType, path, member);
      case 'nullable':
      case 'default':
      case 'prefault':
      case 'catch':
      case 'readonly':
      case 'nonoptional':
        return this.visit(def.innerType, path, member);
      case 'lazy':
        return this.visit(def.getter(), path, member);
      default:
        this.problems.push(`${path}: ${noForm('JSON', def.type, ADVICE)}`);
    }
  }
}
