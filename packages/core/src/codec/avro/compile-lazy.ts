import type { BinaryDecoder } from './binary-decoder.js';
import { CheckCompiler } from './compile-check.js';
import { compileRead, ReadCompiler, type Read } from './compile-read.js';
import { WriteCompiler, type Write } from './compile-write.js';
import { ChangedRecord, EncodedRecord, type Chunk } from './lazy-record.js';
import { member, quote } from './program.js';
import { isRecursive } from './recursion.js';
import { resolve, type ReadPlan, type RecordPlan } from './resolve.js';
import type { Field, RecordType } from './schema.js';
import { isInherited } from './values.js';

/** What a schema's lazy records are compiled to. */
export interface LazyProgram<T extends object> {
  /** Of every record that {@link scan} gives; `codec` is yet to be set. */
  readonly prototype: { codec: EncodedRecord<T>['codec'] };
  /** Passes over a record, noting where its fields are. */
  scan(decoder: BinaryDecoder, chunk: Chunk, start: number, end: number): EncodedRecord<T>;
}

/** What a record asks for fields that it does not hold. */
export interface FieldReader {
  /** Reads the field that begins at `position` of a record that ends at `end`. @throws MillraceError `MILLRACE_FIELD_UNDECODABLE` */
  readField(read: Read, field: string, chunk: Chunk, position: number, end: number): unknown;
  /** The error for a field that is not there. */
  unknown(field: string): Error;
}

/** Numbers that take no memory of their own, and texts that are there already: reading them is all that passing over them would be. */
const SMALL = new Set<string>(['readBoolean', 'readInt', 'readLong']);

/** A field as the code of a record has it. */
interface Place {
  readonly field: Field;
  readonly plan: ReadPlan;
  /** The member that holds its value, or where it begins. */
  readonly slot: string;
  readonly isHeld: boolean;
  /** The expression for where it ends, where it is not held; `r` is the record. */
  readonly end: string;
  /** Where it ends is noted in a member of its own. */
  readonly notesEnd: boolean;
}

/** The fields of a record whose writer has the schema of the reader. */
function placesOf(type: RecordType): readonly Place[] {
  const { fields } = resolve(type, type, type.name).plan as RecordPlan;
  const plans = fields.map((step) => ('skip' in step ? undefined : step));
  return plans.map((step, index) => {
    const { field, plan } = step!;
    const next = plans[index + 1];
    const isHeld = isSmall(plan);
    const notesEnd = !isHeld && next !== undefined && isSmall(next.plan);
    return { field, plan, slot: `s${index}`, isHeld, notesEnd, end: next === undefined ? 'r.end' : notesEnd ? `r.e${index}` : `r.s${index + 1}` };
  });
}

function isSmall(plan: ReadPlan): boolean {
  return plan.step === 'enum' || plan.step === 'null' || (plan.step === 'primitive' && SMALL.has(plan.read));
}

/**
 * Compiles how lazy records of a type are read and changed. In the code `c` is the decoder and `r` a record. The classes take the members of
 * {@link EncodedRecord} and {@link ChangedRecord} over afterwards, since V8 does not inline a constructor that calls another: a tenth of the
 * time of reading.
 */
export function compileLazy<T extends object>(type: RecordType, fields: FieldReader): LazyProgram<T> {
  const compiler = new ReadCompiler(true);
  const { program } = compiler;
  const places = placesOf(type);
  const members = ['chunk', 'start', 'end', ...places.flatMap(({ slot, notesEnd }, index) => (notesEnd ? [slot, `e${index}`] : [slot]))];
  const scan = places.flatMap((place, index) => [
    place.isHeld ? `let ${place.slot};` : `const ${place.slot} = p;`,
    scanField(place, compiler),
    ...(place.notesEnd ? [`const e${index} = p;`] : []),
  ]);
  const cases = places.map(({ field, plan, slot, isHeld, end }) => {
    const value = isHeld ? `this.${slot}` : `${program.constant(fields)}.readField(${program.constant(compileRead(plan, `${type.name}.${field.name}`))}, ${quote(field.name)}, this.chunk, this.${slot}, ${end.replace('r.', 'this.')})`;
    return `case ${quote(field.name)}: return ${value};`;
  });
  return program.link(
    `(() => {
class Encoded {
constructor(${members.join(', ')}) { ${members.map((name) => `this.${name} = ${name};`).join(' ')} }
get(field) { switch (field) {
${cases.join('\n')}
default: throw ${program.constant(fields)}.unknown(field);
} }
with(changes) { return new Changed(this, this.codec.checked(changes)); }
}
class Changed {
constructor(base, changes) { this.base = base; this.changes = changes; }
}
Object.setPrototypeOf(Encoded.prototype, ${program.constant(EncodedRecord.prototype)});
Object.setPrototypeOf(Changed.prototype, ${program.constant(ChangedRecord.prototype)});
return { prototype: Encoded.prototype, scan(c, chunk, start, end) {
const { bytes } = chunk;
let p = start, q = start, n = 0;
${[...compiler.entry(type, isRecursive(type)), ...scan, ...(isRecursive(type) ? ['c.leave();'] : [])].join('\n')}
c.moveTo(p);
return new Encoded(${members.join(', ')});
} };
})()`,
    `lazy/${type.name}`,
  ) as LazyProgram<T>;
}

/** Reads a number from `p` to `q` into `n`, which is below {@link SHORT} where it has three bytes at most; `q` may be past the end. */
const READ_SHORT = `q = p; n = bytes[q++];
if (n >= 0x80) { n = (n & 0x7f) | (bytes[q++] << 7); if (n >= 0x4000) n = (n & 0x3fff) | (bytes[q++] << 14); }`;
const SHORT = 0x20_0000;

/**
 * The statements that pass over a field from `p` on. Short numbers and texts, as most are, leave the decoder aside: with the place in a
 * variable a record takes a sixth less time.
 */
function scanField({ plan, field: { type }, slot, isHeld }: Place, compiler: ReadCompiler): string {
  const otherwise = `c.moveTo(p); ${isHeld ? `${slot} = ${compiler.read(plan)};` : compiler.skip(type)} p = c.position;`;
  if (isHeld && plan.step === 'primitive' && plan.read !== 'readBoolean' && plan.allowed === undefined) {
    return `${READ_SHORT}
if (n < ${SHORT} && q <= end) { ${slot} = (n >>> 1) ^ -(n & 1); p = q; } else { ${otherwise} }`;
  }
  if (type.kind !== 'string' && type.kind !== 'bytes') return otherwise;
  return `${READ_SHORT}
if (n < ${SHORT} && (n & 1) === 0 && n >>> 1 <= end - q) p = q + (n >>> 1); else { ${otherwise} }`;
}

/** Compiles what writes a record with changes: their values, and the bytes of the fields between. */
export function compileWriteChanged<T extends object>(type: RecordType): Write<ChangedRecord<T>> {
  const compiler = new WriteCompiler();
  const lines = placesOf(type).map(({ field, slot, isHeld, end }) => {
    const write = compiler.write(field.type, 'v');
    if (isHeld) return `{ const v = ${isChanged(field)} ? m[${quote(field.name)}] : r.${slot}; ${write} }`;
    return `if (${isChanged(field)}) { const v = m[${quote(field.name)}]; ${write} } else e.writeEncoded(k.bytes, k.view, r.${slot}, ${end});`;
  });
  return compiler.program.link(`(e, v) => { const r = v.base, m = v.changes, k = r.chunk; ${lines.join('\n')} }`, `write-changed/${type.name}`) as Write<ChangedRecord<T>>;
}

/** Compiles the check of changes: true where each is a value of its field. */
export function compileCheckChanges(type: RecordType): (changes: object) => boolean {
  const compiler = new CheckCompiler();
  const lines = type.fields.map((field) => `if (${isChanged(field)}) { const v = ${member('m', field.name)}; if (!(${compiler.check(field.type, 'v')})) return false; }`);
  return compiler.program.link(`(m) => { const d = ${isRecursive(type) ? 1 : 0}; ${lines.join('\n')} return true; }`, `check-changes/${type.name}`) as (changes: object) => boolean;
}

/** The expression for whether changes `m` have a field. */
function isChanged({ name }: Field): string {
  const key = quote(name);
  return isInherited(name) ? `Object.hasOwn(m, ${key})` : `(m[${key}] !== undefined || ${key} in m)`;
}
