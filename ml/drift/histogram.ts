/** Histograms with frozen edges: countable anywhere, mergeable by addition, comparable for ever. */
import type { Histogram } from '../../domain/bundle.js';

/**
 * Inner edges at quantiles of a reference, at most `maxBins − 1` of them, open at both ends. A reference with few
 * distinct values gets an edge between each two of them.
 */
export function freezeEdges(values: ArrayLike<number>, maxBins: number): number[] {
  const sorted = Float64Array.from(values)
    .filter((value) => !Number.isNaN(value))
    .sort();
  const distinct = sorted.filter((value, index) => index === 0 || value !== sorted[index - 1]);
  if (distinct.length <= maxBins) return [...distinct.subarray(0, Math.max(0, distinct.length - 1))];
  const edges: number[] = [];
  for (let bin = 1; bin < maxBins; bin += 1) {
    const position = (bin / maxBins) * (sorted.length - 1);
    const below = sorted[Math.floor(position)] ?? 0;
    const above = sorted[Math.ceil(position)] ?? below;
    const edge = below + (above - below) * (position - Math.floor(position));
    if (edge > (edges.at(-1) ?? Number.NEGATIVE_INFINITY)) edges.push(edge);
  }
  return edges;
}

/** Counts values into bins (−∞, e0], (e0, e1], …, (ek, ∞); NaN counts as null. */
export function countBins(values: ArrayLike<number>, edges: readonly number[]): Histogram {
  const counts = Array.from({ length: edges.length + 1 }, () => 0);
  let nulls = 0;
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] ?? Number.NaN;
    if (Number.isNaN(value)) nulls += 1;
    else {
      const bin = binOf(value, edges);
      counts[bin] = (counts[bin] ?? 0) + 1;
    }
  }
  return { edges: [...edges], counts, nulls };
}

/** Adds histograms of the same edges; throws RangeError for others. */
export function mergeHistograms(left: Histogram, right: Histogram): Histogram {
  const same =
    left.edges.length === right.edges.length && left.edges.every((edge, index) => edge === right.edges[index]);
  if (!same) throw new RangeError('histograms with different edges cannot be merged');
  return {
    edges: left.edges,
    counts: left.counts.map((count, bin) => count + (right.counts[bin] ?? 0)),
    nulls: left.nulls + right.nulls,
  };
}

export function rowsOf(histogram: Histogram): number {
  return histogram.nulls + histogram.counts.reduce((sum, count) => sum + count, 0);
}

function binOf(value: number, edges: readonly number[]): number {
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (value <= (edges[middle] ?? Number.POSITIVE_INFINITY)) high = middle;
    else low = middle + 1;
  }
  return low;
}
