/** The known name that a misspelt one most likely means; `undefined` where none is near. Case does not count. @internal */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  const wanted = name.toLowerCase();
  let best: string | undefined;
  let distance = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of known) {
    const other = candidate.toLowerCase();
    if (Math.abs(other.length - wanted.length) >= distance) continue;
    const edits = editDistance(wanted, other);
    if (edits < distance) [best, distance] = [candidate, edits];
  }
  return best;
}

/** What to do about an unknown name: the nearest known one, or all that there are. */
export function suggest(name: string, known: Iterable<string>, kind: string): string {
  const all = [...known];
  const near = nearest(name, all);
  if (near !== undefined) return `did you mean ${near}?`;
  return all.length === 0 ? `there are no ${kind}` : `the ${kind} are ${all.join(', ')}`;
}

/** Insertions, deletions, replacements and swaps of neighbours that turn one text into the other. */
function editDistance(a: string, b: string): number {
  // Names are short; a pathological one must not cost a quadratic table.
  if (a.length > 100 || b.length > 100) return Infinity;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let edits = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) edits = Math.min(edits, at(beforeLast, j - 2) + 1);
      row.push(edits);
    }
    [beforeLast, last] = [last, row];
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity;
}
