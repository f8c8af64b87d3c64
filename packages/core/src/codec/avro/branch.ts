import { valueKindOf, type AvroType, type Literal, type UnionType, type ValueKind } from './schema.js';
import { isAbsent, isOfKind, memberOf } from './values.js';

/** The branch that a value is written as; undefined for none. The compiled code decides by the same rules. */
export function branchOf(type: UnionType, value: unknown): AvroType | undefined {
  const ofKind = (kind: ValueKind): AvroType | undefined => type.branches.find((branch) => valueKindOf(branch) === kind);
  if (isAbsent(type.absent, value)) return ofKind('null');
  const exact = type.branches.find((branch) => {
    const kind = valueKindOf(branch);
    return kind !== undefined && kind !== 'null' && kind !== 'object' && isOfKind(kind, value);
  });
  if (exact !== undefined || !isOfKind('object', value)) return exact;
  return type.tag === undefined ? ofKind('object') : type.tag.cases.get(memberOf(value, type.tag.key) as Literal);
}
