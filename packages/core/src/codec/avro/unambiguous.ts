import { MillraceError } from '../../error/index.js';
import { titleOf, valueKindOf, type AvroType } from './schema.js';

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
      part.branches.forEach((branch, index) => {
        const kind = valueKindOf(branch);
        const twin = part.branches.slice(0, index).find((other) => valueKindOf(other) === kind);
        if (twin !== undefined) problems.push(`${path}: ${titleOf(twin)} and ${titleOf(branch)} are both ${kind} in JavaScript, so a value does not show which it is`);
      });
      for (const branch of part.branches) visit(branch, path);
    }
  };
  visit(type, 'value');
  if (problems.length > 0) throw new MillraceError('MILLRACE_SCHEMA_UNMAPPABLE', `this Avro schema has unions whose values are ambiguous:\n${problems.map((problem) => `  - ${problem}`).join('\n')}\nDescribe the records with zod instead, with one type for both, or with z.discriminatedUnion, whose tag may have a default`);
}
