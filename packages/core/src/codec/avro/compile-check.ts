import { MAX_VALUE_DEPTH } from './limits.js';
import { maxFreeItems } from './problems.js';
import { member, Program } from './program.js';
import { isRecursive } from './recursion.js';
import type { AvroType, MapType, PrimitiveType, RecordType, UnionType, ValueKind } from './schema.js';
import { isFloat, isInt64, isPlainObject, isValidDate } from './values.js';

/** Compiles the check of {@link Codec.isValid}: true for a value that can be written as this type. */
export function compileCheck(type: AvroType, title: string): (value: unknown) => boolean {
  const compiler = new CheckCompiler();
  const body = compiler.check(type, 'v');
  return compiler.program.link(`(v) => { const d = 0; return ${body}; }`, `check/${title}`) as (value: unknown) => boolean;
}

/** Compiles the same check of many values: gives the index of the first that fails it, or -1. */
export function compileCheckAll(type: AvroType, title: string): (values: readonly unknown[]) => number {
  const compiler = new CheckCompiler();
  const body = compiler.check(type, 'v');
  return compiler.program.link(`(vs) => { const d = 0; for (let i = 0; i < vs.length; i++) { const v = vs[i]; if (!(${body})) return i; } return -1; }`, `check-all/${title}`) as (values: readonly unknown[]) => number;
}

/** In the code `v` is a value, always a variable, and `d` the number of records around it. */
export class CheckCompiler {
  readonly program = new Program();

  check(type: AvroType, v: string): string {
    switch (type.kind) {
      case 'record':
        return `${this.#record(type)}(${v}, d)`;
      case 'union':
        return type.tag === undefined ? this.#union(type, v) : `${this.#tagged(type, type.tag)}(${v}, d)`;
      case 'array':
        return `${this.#array(type, type.items)}(${v}, d)`;
      case 'map':
        return `${this.#map(type)}(${v}, d)`;
      case 'enum':
        return `${this.program.constant(new Set(type.symbols))}.has(${v})`;
      case 'fixed':
        return `(${v} instanceof Uint8Array && ${v}.length === ${type.size})`;
      default: {
        const primitive = this.#primitive(type, v);
        return type.allowed === undefined ? primitive : `(${primitive} && ${this.program.constant(type.allowed)}.has(${v}))`;
      }
    }
  }

  #primitive(type: PrimitiveType, v: string): string {
    switch (type.kind) {
      case 'null':
        return `${v} === null`;
      case 'boolean':
        return `typeof ${v} === "boolean"`;
      case 'int':
        return `(typeof ${v} === "number" && ${v} === (${v} | 0))`;
      case 'long':
        if (type.form === 'bigint') return `${this.program.constant(isInt64)}(${v})`;
        return type.form === 'date' ? `${this.program.constant(isValidDate)}(${v})` : `Number.isSafeInteger(${v})`;
      case 'float':
        return `${this.program.constant(isFloat)}(${v})`;
      case 'double':
        return `typeof ${v} === "number"`;
      case 'bytes':
        return type.form === 'buffer' ? `Buffer.isBuffer(${v})` : `${v} instanceof Uint8Array`;
      case 'string':
        return `(typeof ${v} === "string" && ${v}.isWellFormed())`;
    }
  }

  #record(type: RecordType): string {
    return this.program.function('v, d', type, () => {
      const lines = ['if (typeof v !== "object" || v === null || Array.isArray(v)) return false;'];
      if (isRecursive(type)) lines.push(`if (d >= ${MAX_VALUE_DEPTH}) return false;`, 'd++;');
      type.fields.forEach((field, index) => lines.push(`const v${index} = ${member('v', field.name)};`));
      lines.push(`return ${type.fields.map((field, index) => this.check(field.type, `v${index}`)).join(' &&\n') || 'true'};`);
      return lines.join('\n');
    });
  }

  #array(type: AvroType, items: AvroType): string {
    return this.program.function('v, d', type, () => {
      const limit = maxFreeItems(items);
      const tooLong = Number.isFinite(limit) ? ` || v.length > ${limit}` : '';
      return `if (!Array.isArray(v)${tooLong}) return false;
for (let i = 0; i < v.length; i++) { const item = v[i]; if (!(${this.check(items, 'item')})) return false; }
return true;`;
    });
  }

  #map(type: MapType): string {
    return this.program.function(
      'v, d',
      type,
      () => `if (!${this.program.constant(isPlainObject)}(v)) return false;
for (const key of Object.keys(v)) { const item = v[key]; if (key === "__proto__" || !key.isWellFormed() || !(${this.check(type.values, 'item')})) return false; }
return true;`,
    );
  }

  #union(type: UnionType, v: string): string {
    return `(${type.branches.map((branch) => (branch.kind === 'null' ? absence(type, v) : this.check(branch, v))).join(' || ')})`;
  }

  /** The records by their tag, and what else the union may be. */
  #tagged(type: UnionType, tag: NonNullable<UnionType['tag']>): string {
    return this.program.function('v, d', type, () => {
      const records = new Set<AvroType>(tag.cases.values());
      const others = type.branches.filter((branch) => !records.has(branch));
      const lines = others.map((branch) => `if (${branch.kind === 'null' ? absence(type, 'v') : this.check(branch, 'v')}) return true;`);
      lines.push(`if (!(${kindTest('object', 'v')})) return false;`, `switch (${member('v', tag.key)}) {`);
      for (const [value, record] of tag.cases) lines.push(`case ${this.program.constant(value)}: return ${this.check(record, 'v')};`);
      lines.push('default: return false;', '}');
      return lines.join('\n');
    });
  }
}

/** The expression that is true for what stands for the null branch. */
export function absence(type: UnionType, v: string): string {
  return type.absent === 'either' ? `${v} == null` : `${v} === ${type.absent}`;
}

/** The expression that is true for values of a kind; the twin of `isOfKind`. */
export function kindTest(kind: ValueKind, v: string): string {
  switch (kind) {
    case 'null':
      return `${v} === null`;
    case 'Date':
      return `${v} instanceof Date`;
    case 'bytes':
      return `${v} instanceof Uint8Array`;
    case 'array':
      return `Array.isArray(${v})`;
    case 'object':
      return `typeof ${v} === "object" && ${v} !== null && !Array.isArray(${v})`;
    default:
      return `typeof ${v} === "${kind}"`;
  }
}
