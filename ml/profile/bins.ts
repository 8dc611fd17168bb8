/** Fixed edges and the categories of text: the parts of a profile that add up by value. */
import { type BinCounts, CATEGORY_LENGTH, totalOf } from '../../domain/profile.js';
import { MICROS_PER_DAY, MICROS_PER_HOUR } from '../../domain/time.js';
import { countBins } from '../drift/histogram.js';

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

/** Counts values that are not NaN. */
export function binsOf(values: ArrayLike<number>, edges: readonly number[]): BinCounts {
  const { counts } = countBins(values, edges);
  return { edges: [...edges], counts };
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

/** What a text counts as. */
export function categoryOf(text: string): string {
  return text.length <= CATEGORY_LENGTH ? text : Array.from(text).slice(0, CATEGORY_LENGTH).join('');
}
