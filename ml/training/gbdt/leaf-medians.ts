/** Leaf values of absolute loss: the median of what is left to explain, which a Newton step does not know. */
import { weightedMedian } from '../median.js';
import type { BoosterArrays } from './memory.js';

/** For each node the learning rate times the (weighted) median of label − score over its rows. */
export function leafMedians(arrays: BoosterArrays, learningRate: number): (node: number) => number {
  return (node) => {
    const rows = rowsOf(arrays, node);
    if (rows.length === 0) return 0;
    const residuals = Float64Array.from(rows, (row) => (arrays.labels[row] ?? 0) - (arrays.scores[row] ?? 0));
    const weights = arrays.layout.weighted ? Float64Array.from(rows, (row) => arrays.weights[row] ?? 1) : undefined;
    return learningRate * weightedMedian(residuals, weights);
  };
}

/** Ascending, so that the order does not tell the number of shards. */
function rowsOf({ segments, rowNumbers, layout }: BoosterArrays, node: number): Int32Array {
  const parts = Array.from({ length: layout.shards }, (_unused, shard) => {
    const at = 2 * (shard * layout.maxNodes + node);
    return rowNumbers.subarray(segments[at], segments[at + 1]);
  });
  const rows = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let filled = 0;
  for (const part of parts) {
    rows.set(part, filled);
    filled += part.length;
  }
  return parts.length === 1 ? rows : rows.sort();
}
