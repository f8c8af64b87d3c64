import { isAlias, isCollection, isMap, isPair, isScalar, isSeq, LineCounter, parseDocument, visit, type Document, type DocumentOptions, type Node, type ParseOptions, type SchemaOptions } from 'yaml';
import type { ErrorCode } from '../error/index.js';
import { sentence } from '../plan/problem-list.js';
import type { SpecPlace, SpecProblem } from './spec-error.js';

export type SpecPath = readonly PropertyKey[];

/** The text of a spec, taken apart: its value, and where each part of it stands. JSON is read too, being YAML. */
export class SpecSource {
  /** `undefined` where the text is no YAML; `problems` then says why. */
  readonly value: unknown;
  readonly problems: SpecProblem[] = [];
  readonly #lines = new LineCounter();
  readonly #document: Document;

  /** @param yaml what its scalars mean; default: YAML 1.2, with sets */
  constructor(private readonly text: string, readonly file: string | undefined, yaml: ParseOptions & DocumentOptions & SchemaOptions = { customTags: ['set'] }) {
    this.#document = parseDocument(text, { ...yaml, lineCounter: this.#lines, prettyErrors: false });
    for (const { message, pos } of [...this.#document.errors, ...this.#document.warnings]) {
      // What most often leads there is `location: memory:`, a colon at the end of a line.
      this.#syntax(sentence(message), pos[0], message.startsWith('Nested mappings') ? 'put a text that has a colon in quotes, such as "memory:"' : undefined);
    }
    visit(this.#document, {
      Pair: (_key, { key }, path) => {
        const holder = path.at(-1);
        if (isCollection(key) && !(isMap(holder) && holder.tag === 'tag:yaml.org,2002:set')) this.#syntax('a key is a mapping or a list', key.range?.[0] ?? 0, 'a key is a text');
      },
      Scalar: (_key, { value, source, range }) => {
        const digits = /^[-+]?\d+$/.test(source ?? '') ? (source ?? '').replace(/^\+/, '') : undefined;
        if (typeof value === 'number' && digits !== undefined && !Number.isSafeInteger(value) && String(value) !== digits) this.#syntax(`${digits} is more than a number can hold exactly`, range?.[0] ?? 0, 'write it in quotes, where a text will do');
      },
    });
    try {
      const value: unknown = this.problems.length > 0 ? undefined : this.#document.toJS();
      refuseCircles(value, []);
      this.value = value;
    } catch (thrown) {
      // Anchors that hold themselves, or that multiply beyond measure.
      this.#syntax(sentence(String((thrown as Error).message)), 0, 'write out what the anchors stand for');
    }
  }

  /** Adds a problem that stands at a path; `key` points at the key instead of at the value. */
  problem(code: ErrorCode, path: SpecPath, what: string, remedy: string, { key = false, where, cause }: { readonly key?: boolean; readonly where?: string; readonly cause?: unknown } = {}): void {
    this.problems.push({ code, severity: 'error', where: where ?? (path.length === 0 ? 'spec' : path.map(String).join('.')), what, remedy, place: this.#place(this.#offset(path, key)), ...(cause === undefined ? {} : { cause }) });
  }

  /** Where a path stands. */
  place(path: SpecPath): SpecPlace {
    return this.#place(this.#offset(path, false));
  }

  #syntax(what: string, offset: number, remedy = 'correct the YAML'): void {
    this.problems.push({ code: 'MILLRACE_SPEC_INVALID', severity: 'error', where: 'yaml', what, remedy, place: this.#place(offset) });
  }

  /** Where a path stands; what is not there stands where its nearest parent does. */
  #offset(path: SpecPath, wantsKey: boolean): number {
    let node: unknown = this.#document.contents;
    let offset = startOf(node) ?? 0;
    for (const [depth, step] of path.entries()) {
      if (isAlias(node)) node = node.resolve(this.#document);
      let next: unknown;
      let key: unknown;
      if (isMap(node)) {
        const pair = node.items.find((item) => String(isScalar(item.key) ? item.key.value : item.key) === String(step));
        [key, next] = [pair?.key, pair?.value];
      } else if (isSeq(node)) {
        const item = node.items[Number(step)];
        next = isPair(item) ? item.value : item;
      }
      const last = depth === path.length - 1;
      const found = last && wantsKey ? startOf(key) : (startOf(next) ?? startOf(key));
      if (found === undefined) return offset;
      // The parent of something missing is best shown by its key.
      offset = last ? found : (startOf(key) ?? found);
      node = next;
    }
    return offset;
  }

  #place(offset: number): SpecPlace {
    const { line, col } = this.#lines.linePos(offset);
    const start = this.#lines.lineStarts[line - 1] ?? 0;
    const end = this.#lines.lineStarts[line] ?? this.text.length;
    return { file: this.file, line: Math.max(line, 1), column: Math.max(col, 1), text: this.text.slice(start, end).replace(/[\r\n]+$/, '') };
  }
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}

function refuseCircles(value: unknown, above: readonly unknown[]): void {
  if (typeof value !== 'object' || value === null) return;
  if (above.includes(value)) throw new Error('An anchor holds itself');
  for (const item of value instanceof Set ? (value as ReadonlySet<unknown>) : Object.values(value)) refuseCircles(item, [...above, value]);
}
