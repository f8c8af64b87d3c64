import { titleOf, valueKindOf, type Absence, type AvroType, type Literal, type PrimitiveType, type UnionType } from '../avro/schema.js';

const NULL: AvroType = { kind: 'null' };

/** The type with a value that stands for nothing, as `.optional()` and `.nullable()` add it: a union with null in front. */
export function withAbsence(type: AvroType, absence: 'null' | 'undefined'): UnionType {
  const others = branchesOf(type).filter((branch) => branch.kind !== 'null');
  return { kind: 'union', branches: [NULL, ...others], absent: join(absenceOf(type), absence), ...tagOf(type) };
}

/** The type without undefined, as `.nonoptional()` and `.default()` take it away. */
export function withoutUndefined(type: AvroType): AvroType {
  if (type.kind !== 'union' || type.absent === 'null') return type;
  if (type.absent === 'either') return { ...type, absent: 'null' };
  const branches = type.branches.filter((branch) => branch.kind !== 'null');
  const [only] = branches;
  return branches.length === 1 && only !== undefined ? only : { ...type, branches, absent: 'null' };
}

/**
 * The union of these types, which may be unions themselves, or the reason why its values cannot be told apart.
 *
 * Avro writes which branch a value is of; the value itself must show it, by its type in JavaScript or by a tag.
 */
export function joinBranches(types: readonly AvroType[]): AvroType | string {
  const branches: AvroType[] = [];
  let absent: Absence | undefined;
  let tag: UnionType['tag'];
  for (const type of types) {
    const absence = absenceOf(type);
    if (absence !== undefined) absent = join(absent, absence);
    const part = type.kind === 'union' ? type.tag : undefined;
    if (part !== undefined && tag !== undefined) return ambiguous('object');
    tag ??= part;
    for (const branch of branchesOf(type)) {
      const kind = valueKindOf(branch);
      const index = branches.findIndex((other) => other === branch || (valueKindOf(other) === kind && !(kind === 'object' && part !== undefined && isTagged(other, part))));
      const other = branches[index];
      if (other === undefined) {
        const twin = branches.find((one) => !('name' in one) && one.kind === branch.kind);
        if (twin !== undefined) return `${valueKindOf(twin)} and ${kind} are both ${branch.kind} in Avro, which a union can have once; use one type`;
        branches.push(branch);
        continue;
      }
      const merged = other === branch ? branch : merge(other, branch);
      if (merged === undefined) return ambiguous(kind ?? titleOf(branch));
      branches[index] = merged;
    }
  }
  const [only] = branches;
  if (branches.length === 1 && only !== undefined && absent === undefined) return only;
  return { kind: 'union', branches, absent: absent ?? 'null', ...(tag === undefined ? {} : { tag }) };
}

function ambiguous(kind: string): string {
  return `two of its types are ${kind} in JavaScript, so a value does not show which it is; use z.discriminatedUnion or one type`;
}

/** Two types whose values need not be told apart, as one: equal primitives, of which literals add up. */
function merge(a: AvroType, b: AvroType): PrimitiveType | undefined {
  if (!isPrimitive(a) || !isPrimitive(b)) return undefined;
  if (a.kind !== b.kind || a.form !== b.form || a.logical?.name !== b.logical?.name) return undefined;
  const { allowed, ...plain } = a;
  if (allowed === undefined || b.allowed === undefined) return plain;
  return { ...plain, allowed: new Set<Literal>([...allowed, ...b.allowed]) };
}

function isPrimitive(type: AvroType): type is PrimitiveType {
  return !('name' in type) && type.kind !== 'array' && type.kind !== 'map' && type.kind !== 'union';
}

function isTagged(type: AvroType, tag: NonNullable<UnionType['tag']>): boolean {
  return [...tag.cases.values()].some((record) => record === type);
}

function branchesOf(type: AvroType): readonly AvroType[] {
  return type.kind === 'union' ? type.branches : [type];
}

/** What stands for nothing in a type, or undefined where it always is something. */
function absenceOf(type: AvroType): Absence | undefined {
  if (type.kind === 'null') return 'null';
  return type.kind === 'union' && type.branches.some((branch) => branch.kind === 'null') ? type.absent : undefined;
}

function join(a: Absence | undefined, b: Absence): Absence {
  return a === undefined || a === b ? b : 'either';
}

function tagOf(type: AvroType): Pick<UnionType, 'tag'> {
  return type.kind === 'union' && type.tag !== undefined ? { tag: type.tag } : {};
}
