/** Edges and bins: the parts of a profile that add up by value. */
import { type BinCounts, totalOf } from '../../domain/profile.js';
import { MICROS_PER_DAY, MICROS_PER_HOUR } from '../../domain/time.js';

const MICROS_PER_MINUTE = 60_000_000;

/** Lengths of texts, characters. */
export const LENGTH_EDGES: readonly number[] = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 1_024];
/** From event to knowledge, microseconds. */
export const LAG_EDGES: readonly number[] = [
  0,
  1_000_000,
  10_000_000,
  MICROS_PER_MINUTE,
  10 * MICROS_PER_MINUTE,
  MICROS_PER_HOUR,
  6 * MICROS_PER_HOUR,
  12 * MICROS_PER_HOUR,
  ...[1, 2, 7, 30, 365].map((days) => days * MICROS_PER_DAY),
];

/**
 * Inner edges at quantiles of the finite values of a reference, at most `maxBins − 1` of them, open at both ends. A
 * reference with few distinct values gets an edge between each two of them.
 */
export function freezeEdges(values: ArrayLike<number>, maxBins: number): number[] {
  const sorted = new Float64Array(values).filter((value) => Number.isFinite(value)).sort();
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

/** Counts values into bins (−∞, e0], (e0, e1], …, (ek, ∞); NaN is left out. */
export function binsOf(values: ArrayLike<number>, edges: readonly number[]): BinCounts {
  const counts = Array.from({ length: edges.length + 1 }, () => 0);
  for (let row = 0; row < values.length; row += 1) {
    const value = values[row] ?? Number.NaN;
    if (!Number.isNaN(value)) addTo(counts, binOf(value, edges), 1);
  }
  return { edges: [...edges], counts };
}

/** Position of the bin that a value lies in. */
export function binOf(value: number, edges: readonly number[]): number {
  let [low, high] = [0, edges.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (value <= (edges[middle] ?? Number.POSITIVE_INFINITY)) high = middle;
    else low = middle + 1;
  }
  return low;
}

export function addTo(counts: number[], bin: number, rows: number): void {
  counts[bin] = (counts[bin] ?? 0) + rows;
}

/** The value below which a share of the rows lies, from inside its bin, straight between the bin's ends. */
export function quantileOfBins(bins: BinCounts, share: number, range: { min: number; max: number }): number {
  const wanted = share * totalOf(bins);
  let below = 0;
  for (const [bin, each] of bins.counts.entries()) {
    const low = Math.max(range.min, bins.edges[bin - 1] ?? range.min);
    const high = Math.min(range.max, bins.edges[bin] ?? range.max);
    if (below + each >= wanted && each > 0) return low + ((wanted - below) / each) * (high - low);
    below += each;
  }
  return range.max;
}
