/** Medians, weighted or not. */

/**
 * The median; the mean of the two in the middle where their number is even. With weights: the smallest value at which
 * half of the weight is reached, halfway to the next one where it is reached exactly. Sorts `values` in place when there
 * are no weights.
 */
export function weightedMedian(values: Float64Array, weights?: ArrayLike<number>): number {
  if (values.length === 0) return Number.NaN;
  return weights === undefined ? medianOf(values) : byWeight(values, weights);
}

function medianOf(values: Float64Array): number {
  const middle = values.length >>> 1;
  const upper = selectNth(values, middle);
  if (values.length % 2 === 1) return upper;
  let lower = values[0] as number;
  for (let index = 1; index < middle; index += 1) lower = Math.max(lower, values[index] as number);
  return (lower + upper) / 2;
}

function byWeight(values: Float64Array, weights: ArrayLike<number>): number {
  const order = Uint32Array.from(values.keys()).sort((left, right) => (values[left] ?? 0) - (values[right] ?? 0));
  let total = 0;
  for (let index = 0; index < values.length; index += 1) total += weights[index] ?? 0;
  let reached = 0;
  for (const [position, index] of order.entries()) {
    reached += weights[index] ?? 0;
    const value = values[index] ?? 0;
    if (2 * reached > total) return value;
    if (2 * reached === total) return (value + (values[order[position + 1] ?? index] ?? value)) / 2;
  }
  return values[order.at(-1) ?? 0] ?? Number.NaN;
}

/** The value that sorting would put at `nth`; smaller ones end up before it (Hoare's selection, pivot in the middle). */
function selectNth(values: Float64Array, nth: number): number {
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const pivot = values[(low + high) >>> 1] as number;
    let left = low;
    let right = high;
    while (left <= right) {
      while ((values[left] as number) < pivot) left += 1;
      while ((values[right] as number) > pivot) right -= 1;
      if (left > right) break;
      const swapped = values[left] as number;
      values[left] = values[right] as number;
      values[right] = swapped;
      left += 1;
      right -= 1;
    }
    if (nth <= right) high = right;
    else if (nth >= left) low = left;
    else break;
  }
  return values[nth] as number;
}
