import type { BinaryDecoder } from './binary-decoder.js';
import { Program, quote } from './program.js';
import { isRecursive } from './recursion.js';
import type { ReadPlan, RecordPlan } from './resolve.js';
import type { AvroType, RecordType, UnionType } from './schema.js';
import { freeValuesOf, minBytes } from './sizes.js';
import { literal } from './literal.js';

export type Read = (decoder: BinaryDecoder) => unknown;

/** Compiles a plan without differences. */
export function compileRead(plan: ReadPlan, title: string): Read {
  const compiler = new ReadCompiler();
  const expression = compiler.read(plan);
  return compiler.program.link(`(c) => ${expression}`, `read/${title}`) as Read;
}

/** In the code `c` is the decoder. */
export class ReadCompiler {
  readonly program = new Program();

  /** @param walks what is passed over is gone through as it would be read, whatever sizes its blocks claim: it is to be read later */
  constructor(private readonly walks = false) {}

  /** The expression that reads one value. */
  read(plan: ReadPlan): string {
    switch (plan.step) {
      case 'null':
        return plan.as;
      case 'primitive':
        return plan.allowed === undefined ? `c.${plan.read}()` : `c.oneOf(${this.program.constant(plan.allowed)}, c.${plan.read}())`;
      case 'fixed':
        return `c.readFixed(${plan.size})`;
      case 'enum':
        return `c.readSymbol(${this.program.constant(plan.symbols)})`;
      case 'array':
        return `${this.#blocks(plan, plan.written, 'const out = [];', `out.push(${this.read(plan.items)});`)}(c)`;
      case 'map':
        return `${this.#blocks(plan, plan.written, 'const out = {};', `const key = c.readKey(); out[key] = ${this.read(plan.values)};`, 1)}(c)`;
      case 'union':
        return `${this.program.function('c', plan, () => choose(plan.branches.map((branch) => `return ${this.read(branch)};`)))}(c)`;
      case 'record':
        return `${this.#record(plan)}(c)`;
    }
  }

  #record(plan: RecordPlan): string {
    return this.program.function('c', plan, () => {
      const lines = plan.fields.map((step, index) => ('skip' in step ? this.skip(step.skip) : `const v${index} = ${this.read(step.plan)};`));
      const nested = isRecursive(plan.written) || isRecursive(plan.reader);
      if (nested) lines.push('c.leave();');
      const read = new Map(plan.fields.flatMap((step, index) => ('skip' in step ? [] : [[step.field, `v${index}`] as const])));
      const valueOf = (field: RecordType['fields'][number]): string => read.get(field) ?? literal(field.type, field.fallback?.value, this.program);
      const always = plan.reader.fields.filter((field) => field.omitted !== true);
      lines.push(`const out = new ${this.program.plainObject(always.map(({ name }) => name))}(${always.map(valueOf).join(', ')});`);
      for (const field of plan.reader.fields) {
        const value = read.get(field);
        if (field.omitted === true && value !== undefined) lines.push(`if (${value} !== undefined) out[${quote(field.name)}] = ${value};`);
      }
      return [...this.entry(plan.written, nested), ...lines, 'return out;'].join('\n');
    });
  }

  /** What a record costs before it is read. */
  entry(written: RecordType, nested: boolean): string[] {
    const free = freeValuesOf(written);
    return [...(nested ? ['c.enter();'] : []), ...(free === undefined ? [] : [`c.charge(${free});`])];
  }

  #blocks(key: object, items: AvroType, before: string, each: string, keyBytes = 0): string {
    return this.program.function(
      'c',
      key,
      () => `${before}
${eachItem(items, keyBytes, each)}
return out;`,
    );
  }

  /** The statement that passes over one value; empty for a value without bytes. */
  skip(type: AvroType): string {
    switch (type.kind) {
      case 'null':
        return '';
      case 'boolean':
        return 'c.skipFixed(1);';
      case 'int':
      case 'long':
      case 'enum':
        return 'c.skipVarint();';
      case 'float':
        return 'c.skipFixed(4);';
      case 'double':
        return 'c.skipFixed(8);';
      case 'fixed':
        return `c.skipFixed(${type.size});`;
      case 'bytes':
      case 'string':
        return 'c.skipBytes();';
      case 'array':
        return `${this.#skipBlocks(type, type.items, 0)}(c);`;
      case 'map':
        return `${this.#skipBlocks(type, type.values, 1)}(c);`;
      case 'union':
        return `${this.#skipUnion(type)}(c);`;
      case 'record':
        return minBytes(type) === 0 ? '' : `${this.#skipRecord(type)}(c);`;
    }
  }

  #skipBlocks(key: object, items: AvroType, keyBytes: 0 | 1): string {
    return this.program.function('c', key, () => {
      const each = `${keyBytes === 1 ? 'c.skipBytes(); ' : ''}${this.skip(items)}`;
      if (this.walks) return eachItem(items, keyBytes, each);
      return `for (let n; (n = c.skipBlock(${minBytes(items) + keyBytes})) !== 0;)${each === '' ? ';' : ` while (n-- > 0) { ${each} }`}`;
    });
  }

  #skipUnion(type: UnionType): string {
    return this.program.function('c', type, () => choose(type.branches.map((branch) => `${this.skip(branch)} return;`)));
  }

  #skipRecord(type: RecordType): string {
    return this.program.function('c', type, () => {
      const lines = type.fields.map((field) => this.skip(field.type));
      return (isRecursive(type) ? ['c.enter();', ...lines, 'c.leave();'] : lines).join('\n');
    });
  }
}

/** The loop over the items of an array or map, block by block. */
function eachItem(items: AvroType, keyBytes: number, each: string): string {
  return `for (let n; (n = c.readBlock(${minBytes(items) + keyBytes}, ${freeValuesOf(items) ?? 0})) !== 0;) while (n-- > 0) { ${each} }`;
}

function choose(statements: readonly string[]): string {
  return `switch (c.readIndex()) {\n${statements.map((statement, index) => `case ${index}: ${statement}`).join('\n')}\ndefault: c.fail("a union has an index beyond its branches");\n}`;
}
