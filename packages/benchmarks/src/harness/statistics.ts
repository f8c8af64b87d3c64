/** The middle value; of an even number of values the mean of the two in the middle. @throws RangeError for none */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('no values have no median');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >>> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The value that so much of the values, a part of 1, lie below. @throws RangeError for none */
export function percentile(values: readonly number[], part: number): number {
  if (values.length === 0) throw new RangeError('no values have no percentiles');
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]!;
}

/**
 * The median of the ratios of pairs measured right after each other. What slows the machine for a while slows both of a pair,
 * so it shows in the two medians but not here.
 * @throws RangeError where the two lists differ in length or are empty
 */
export function pairedRatio(values: readonly number[], peers: readonly number[]): number {
  if (values.length !== peers.length) throw new RangeError(`${values.length} values cannot be paired with ${peers.length}`);
  return median(values.map((value, i) => value / peers[i]!));
}
