const TEMPLATES = Symbol.for('@millrace/templates');

/**
 * Marks parameters of which some came from variables, so that what prints them shows the templates instead of the values, which
 * may be secrets. The marks are not enumerable: who reads the parameters does not meet them.
 * @param templates templates by path, a path as `JSON.stringify` of its steps
 */
export function markTemplates<T extends object>(parameters: T, templates: ReadonlyMap<string, string>): T {
  return templates.size === 0 ? parameters : Object.defineProperty(parameters, TEMPLATES, { value: templates });
}

/** The templates that parameters came from, by path; empty where none did. */
export function templatesOf(parameters: unknown): ReadonlyMap<string, string> {
  const marks = typeof parameters === 'object' && parameters !== null ? (parameters as { readonly [TEMPLATES]?: ReadonlyMap<string, string> })[TEMPLATES] : undefined;
  return marks ?? new Map();
}
