import type { BinaryEncoder } from './binary-encoder.js';
import { absence, kindTest } from './compile-check.js';
import { member, Program } from './program.js';
import { valueKindOf, type ArrayType, type AvroType, type MapType, type RecordType, type UnionType } from './schema.js';

export type Write<V = unknown> = (encoder: BinaryEncoder, value: V) => void;

/**
 * Compiles what writes a value of this type. It trusts the value's shape but not its primitives: the encoder throws for a
 * string that is a number, rather than writing something else.
 */
export function compileWrite(type: AvroType, title: string): Write {
  const compiler = new WriteCompiler();
  const body = compiler.write(type, 'v');
  return compiler.program.link(`(e, v) => { ${body} }`, `write/${title}`) as Write;
}

/** In the code `e` is the encoder and `v` a value, always a variable. */
export class WriteCompiler {
  readonly program = new Program();

  write(type: AvroType, v: string): string {
    switch (type.kind) {
      case 'record':
        return `${this.#record(type)}(e, ${v});`;
      case 'union':
        return `${this.#union(type)}(e, ${v});`;
      case 'array':
        return `${this.#array(type)}(e, ${v});`;
      case 'map':
        return `${this.#map(type)}(e, ${v});`;
      case 'enum':
        return `e.writeIndex(${this.program.constant(new Map(type.symbols.map((symbol, index) => [symbol, index])))}.get(${v}));`;
      case 'fixed':
        return `e.writeFixed(${v}, ${type.size});`;
      case 'long':
        return type.form === 'bigint' ? `e.writeBigInt(${v});` : type.form === 'date' ? `e.writeDate(${v});` : `e.writeLong(${v});`;
      default:
        return `e.write${type.kind.charAt(0).toUpperCase()}${type.kind.slice(1)}(${v});`;
    }
  }

  #record(type: RecordType): string {
    return this.program.function('e, v', type, () => {
      const lines = type.fields.map((field, index) => `const v${index} = ${member('v', field.name)}; ${this.write(field.type, `v${index}`)}`);
      return ['if (typeof v !== "object" || v === null) e.mismatch();', ...lines].join('\n');
    });
  }

  #array(type: ArrayType): string {
    return this.program.function(
      'e, v',
      type,
      () => `if (!Array.isArray(v)) e.mismatch();
const n = v.length;
if (n > 0) { e.writeLong(n); for (let i = 0; i < n; i++) { const item = v[i]; ${this.write(type.items, 'item')} } }
e.writeIndex(0);`,
    );
  }

  #map(type: MapType): string {
    return this.program.function(
      'e, v',
      type,
      () => `if (!(${kindTest('object', 'v')})) e.mismatch();
const keys = Object.keys(v), n = keys.length;
if (n > 0) { e.writeLong(n); for (let i = 0; i < n; i++) { const key = keys[i], item = v[key]; e.writeString(key); ${this.write(type.values, 'item')} } }
e.writeIndex(0);`,
    );
  }

  #union(type: UnionType): string {
    return this.program.function('e, v', type, () => {
      // Dates, bytes and arrays are objects too, so records and maps are asked for last.
      const last = (branch: AvroType): boolean => valueKindOf(branch) === 'object';
      const ordered = [...type.branches.filter((branch) => !last(branch)), ...type.branches.filter(last)];
      const lines = ordered.flatMap((branch) => {
        const kind = valueKindOf(branch);
        if (kind === undefined || (kind === 'object' && type.tag !== undefined)) return [];
        const test = kind === 'null' ? absence(type, 'v') : kindTest(kind, 'v');
        return `if (${test}) { e.writeIndex(${type.branches.indexOf(branch)});${kind === 'null' ? '' : ` ${this.write(branch, 'v')}`} return; }`;
      });
      if (type.tag !== undefined) {
        lines.push(`if (${kindTest('object', 'v')}) switch (${member('v', type.tag.key)}) {`);
        for (const [value, record] of type.tag.cases) lines.push(`case ${this.program.constant(value)}: e.writeIndex(${type.branches.indexOf(record)}); ${this.write(record, 'v')} return;`);
        lines.push('}');
      }
      lines.push('e.mismatch();');
      return lines.join('\n');
    });
  }
}
