/**
 * Splits of a categorical feature: a set of categories against all others. Few categories are tried one by one; of many,
 * sorted by gradient over hessian, the sets at either end (Fisher 1958: for one output the best set is among them).
 */
import {
  type Bar,
  type FeatureHistogram,
  type FoundSplit,
  minus,
  type NodeSums,
  NOTHING,
  plus,
  scoreOf,
  sumsAt,
} from './node-sums.js';

/** Up to so many categories, each is tried alone against the others. */
const ONE_VERSUS_REST = 4;
/** Categories on the left, at most: each becomes a node of the exported graph. */
const MAX_LEFT_CATEGORIES = 64;

interface Category {
  readonly bin: number;
  readonly sums: NodeSums;
}

/**
 * A category that the node has no row of goes right, and so does one that training never saw; missing values are a
 * category like others.
 */
export function searchCategories(part: FeatureHistogram, sums: NodeSums, bar: Bar): FoundSplit | null {
  const categories: Category[] = [];
  const otherBin = part.missingBin - 1;
  for (let bin = 0; bin <= part.missingBin; bin += 1) {
    const at = sumsAt(part.histogram, part.start, bin);
    // Codes that are not kept have no name on the left, they stay on the right.
    if (at.rows > 0 && bin !== otherBin) categories.push({ bin, sums: at });
  }
  const sets =
    categories.length <= ONE_VERSUS_REST
      ? categories.map((category) => [category])
      : endsOf(categories, bar.limits.categorySmoothing);
  const found = bestOf(sets, sums, bar);
  if (found === null) return null;
  const leftBins = found.bins.filter((bin) => bin !== part.missingBin).sort((left, right) => left - right);
  return { leftBins, missingLeft: found.bins.includes(part.missingBin), gain: found.gain, left: found.left };
}

/** The categories in order of G / (H + smoothing), and in the opposite order: their first ones are the sets to try. */
function endsOf(categories: readonly Category[], smoothing: number): Category[][] {
  const rank = ({ sums }: Category): number => sums.gradient / (sums.hessian + smoothing);
  const ordered = categories.toSorted((left, right) => rank(left) - rank(right) || left.bin - right.bin);
  const longest = Math.min(ordered.length - 1, MAX_LEFT_CATEGORIES);
  return [ordered.slice(0, longest), ordered.toReversed().slice(0, longest)];
}

/** Every beginning of every list is a set on the left. */
function bestOf(
  lists: readonly (readonly Category[])[],
  whole: NodeSums,
  { limits, toBeat }: Bar,
): { bins: number[]; gain: number; left: NodeSums } | null {
  const parent = scoreOf(whole, limits.l2);
  let best: { list: readonly Category[]; length: number; gain: number; left: NodeSums } | null = null;
  for (const list of lists) {
    let left = NOTHING;
    for (const [index, { sums }] of list.entries()) {
      left = plus(left, sums);
      const right = minus(whole, left);
      if (Math.min(left.rows, right.rows) < limits.minLeafRows) continue;
      if (Math.min(left.hessian, right.hessian) < limits.minChildHessian) continue;
      const gain = scoreOf(left, limits.l2) + scoreOf(right, limits.l2) - parent;
      if (gain > (best?.gain ?? toBeat)) best = { list, length: index + 1, gain, left };
    }
  }
  return best === null
    ? null
    : { bins: best.list.slice(0, best.length).map(({ bin }) => bin), gain: best.gain, left: best.left };
}
