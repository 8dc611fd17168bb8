/** Which features a tree sees, by seed and number of the tree alone. */
import { uniformOf } from '../../random.js';

const FEATURE_STREAM = 2;

/** At least one feature; the ones with the smallest draws, ascending. */
export function sampleFeatures(
  { columns, parameters, seed }: { columns: number; parameters: { columnSampling: number }; seed: number },
  tree: number,
): number[] {
  const all = Array.from({ length: columns }, (_unused, column) => column);
  if (parameters.columnSampling === 1) return all;
  const keep = Math.max(1, Math.round(columns * parameters.columnSampling));
  return all
    .map((column) => ({ column, draw: uniformOf(seed, FEATURE_STREAM, tree, column) }))
    .sort((left, right) => left.draw - right.draw)
    .slice(0, keep)
    .map(({ column }) => column)
    .sort((left, right) => left - right);
}
