import { MillraceError } from '../../error/index.js';
import { valueKindOf, type AvroType } from './schema.js';

/**
 * Checks that every union of a schema that we write has branches of different types in JavaScript, since nothing else tells
 * which of them a value is of.
 *
 * @throws MillraceError `MILLRACE_SCHEMA_UNMAPPABLE`, with all that have not.
 */
export function refuseAmbiguousUnions(type: AvroType): void {
  const problems: string[] = [];
  const seen = new Set<AvroType>();
  const visit = (part: AvroType, path: string): void => {
    if (seen.has(part)) return;
    seen.add(part);
    if (part.kind === 'record') for (const field of part.fields) visit(field.type, `${part.name}.${field.name}`);
    else if (part.kind === 'array') visit(part.items, `${path}[]`);
    else if (part.kind === 'map') visit(part.values, `${path}{}`);
    else if (part.kind === 'union') {
      const kinds = part.branches.map(valueKindOf);
      const twice = kinds.find((kind, index) => kinds.indexOf(kind) !== index);
      if (twice !== undefined) problems.push(`${path}: a union of two ${twice}s cannot be told apart when written; describe the records with zod, z.discriminatedUnion reads such a union if its tag has a default`);
      for (const branch of part.branches) visit(branch, path);
    }
  };
  visit(type, 'value');
  if (problems.length > 0) throw new MillraceError('MILLRACE_SCHEMA_UNMAPPABLE', `this Avro schema has values that are ambiguous in JavaScript:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
}
