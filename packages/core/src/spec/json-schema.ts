import { z } from 'zod';
import { GRAMMAR } from './grammar.js';

/**
 * The JSON Schema (draft 7) of the grammar, for editors: a file names it with `# yaml-language-server: $schema=…` or, in JSON,
 * with `$schema`. The package has it as `@millrace/core/spec.schema.json`.
 */
export function specJsonSchema(): object {
  return { ...z.toJSONSchema(GRAMMAR, { target: 'draft-7', io: 'input' }), title: 'A Millrace pipeline' };
}
