/** Which values of a column occur most often. */

/**
 * The `most` most frequent values, ascending, NaN left out; the lower value on a tie. Sorts the given array: there may be
 * millions of distinct values, for which it is the only room taken besides their counts.
 */
export function frequentValues(values: Float32Array, most: number): Float32Array {
  const { sorted, counts } = countRuns(values.sort());
  const distinct = sorted.length;
  if (distinct <= most) return sorted.slice();
  const ascending = counts.slice().sort();
  const leastRows = ascending[distinct - most] as number;
  let tiesLeft = most - ascending.reduce((sum, count) => sum + (count > leastRows ? 1 : 0), 0);
  return sorted.filter((_value, index) => {
    const count = counts[index] as number;
    if (count === leastRows) tiesLeft -= 1;
    return count > leastRows || (count === leastRows && tiesLeft >= 0);
  });
}

/** Moves the distinct values to the front. NaN sorts last and ends the count. */
function countRuns(values: Float32Array): { sorted: Float32Array; counts: Uint32Array } {
  const counts = new Uint32Array(values.length);
  let distinct = 0;
  for (let from = 0; from < values.length && !Number.isNaN(values[from]); distinct += 1) {
    let to = from + 1;
    while (to < values.length && values[to] === values[from]) to += 1;
    values[distinct] = values[from] as number;
    counts[distinct] = to - from;
    from = to;
  }
  return { sorted: values.subarray(0, distinct), counts: counts.subarray(0, distinct) };
}
