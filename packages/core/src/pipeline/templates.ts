/** What a text of the parameters came to, and the template that it came from. */
export interface TemplateMark {
  readonly template: string;
  readonly value: unknown;
}

/** Marks by path, a path as {@link pathKey} writes it. */
export type TemplateMarks = ReadonlyMap<string, TemplateMark>;

const TEMPLATES = Symbol.for('@millrace/templates');

/** A path of names and indexes as one text. */
export function pathKey(path: readonly PropertyKey[]): string {
  return JSON.stringify(path.map(String));
}

/**
 * Marks parameters of which some came from variables, so that what prints them shows the templates instead of the values, which
 * may be secrets. The marks are not enumerable: who reads the parameters does not meet them.
 */
export function markTemplates<T extends object>(parameters: T, marks: TemplateMarks): T {
  return marks.size === 0 || templatesOf(parameters) === marks ? parameters : Object.defineProperty(parameters, TEMPLATES, { value: marks });
}

/** The templates that parameters came from; empty where none did. */
export function templatesOf(parameters: unknown): TemplateMarks {
  const marks = typeof parameters === 'object' && parameters !== null ? (parameters as { readonly [TEMPLATES]?: TemplateMarks })[TEMPLATES] : undefined;
  return marks ?? new Map<string, TemplateMark>();
}
