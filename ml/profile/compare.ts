/** Distances between two profiles of a column, each with the value or bin that differs most. */
import chisquareQuantile from '@stdlib/stats-base-dists-chisquare-quantile';
import { type BinCounts, type ColumnProfile, valuesOf } from '../../domain/profile.js';
import { populationStabilityIndex } from '../drift/psi.js';

export type Distance = 'linf' | 'js' | 'ks' | 'psi' | 'chi_square';

export interface Compared {
  readonly distance: number;
  /** The value, or the bin, with the greatest difference of shares. */
  readonly mostDifferent: string;
  /** Beyond this the samples differ with the given certainty; null where the distance has no such bound. */
  readonly critical: number | null;
}

/** Why two profiles cannot be compared. */
export interface Incomparable {
  readonly problem: string;
}

interface Cell {
  readonly label: string;
  readonly current: number;
  readonly reference: number;
}

/**
 * Compares on the cells that both have: categories of text, else bins of the shared edges. `alpha` is the chance of a
 * critical value being exceeded by samples of one distribution.
 */
export function compareColumns(
  current: ColumnProfile,
  reference: ColumnProfile,
  { distance, alpha }: { distance: Distance; alpha: number },
): Compared | Incomparable {
  if (valuesOf(current) === 0 || valuesOf(reference) === 0) return { problem: 'one side has no values' };
  if ((current.categories === null) !== (reference.categories === null))
    return { problem: 'one side is text, the other is not' };
  if (distance === 'js' && current.categories === null) return compareJs(densityCells(current, reference));
  const cells = cellsOf(current, reference);
  if (cells === null) return { problem: 'the histograms have different edges' };
  switch (distance) {
    case 'linf':
      return { ...mostDifferent(cells), distance: largestGap(cells), critical: null };
    case 'js':
      return compareJs(cells);
    case 'ks':
      return compareKs(cells, alpha);
    case 'psi':
      return { ...mostDifferent(cells), distance: psi(cells), critical: null };
    case 'chi_square':
      return compareChiSquare(cells, alpha);
  }
}

function compareJs(cells: readonly Cell[]): Compared {
  return { ...mostDifferent(cells), distance: jensenShannon(cells), critical: null };
}

function cellsOf(current: ColumnProfile, reference: ColumnProfile): Cell[] | null {
  if (current.categories !== null && reference.categories !== null) {
    const [left, right] = [categoryMap(current), categoryMap(reference)];
    const labels = [...new Set([...left.keys(), ...right.keys()])];
    return labels.map((label) => ({ label, current: left.get(label) ?? 0, reference: right.get(label) ?? 0 }));
  }
  const [left, right] = [current.histogram, reference.histogram];
  if (left === null || right === null || left.edges.join() !== right.edges.join()) return null;
  return left.counts.map((count, bin) => ({
    label: binLabel(left, bin),
    current: count,
    reference: right.counts[bin] ?? 0,
  }));
}

function categoryMap({ categories }: ColumnProfile): Map<string, number> {
  const counts = new Map((categories?.values ?? []).map(({ value, count }) => [JSON.stringify(value), count]));
  if ((categories?.other ?? 0) > 0) counts.set('all other values', categories?.other ?? 0);
  return counts;
}

function binLabel({ edges }: BinCounts, bin: number): string {
  if (edges.length === 0) return 'all values';
  if (bin === 0) return `up to ${edges[0]}`;
  return bin === edges.length ? `above ${edges.at(-1)}` : `above ${edges[bin - 1]}, up to ${edges[bin]}`;
}

function shares(cells: readonly Cell[]): { label: string; p: number; q: number }[] {
  const [n, m] = cells.reduce<[number, number]>(([a, b], cell) => [a + cell.current, b + cell.reference], [0, 0]);
  return cells.map(({ label, current, reference }) => ({ label, p: current / n, q: reference / m }));
}

function mostDifferent(cells: readonly Cell[]): { mostDifferent: string } {
  const sorted = shares(cells).sort((left, right) => Math.abs(right.p - right.q) - Math.abs(left.p - left.q));
  const [first] = sorted;
  if (first === undefined) return { mostDifferent: 'nothing' };
  return { mostDifferent: `${first.label}: ${percent(first.p)} here, ${percent(first.q)} in the reference` };
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}

/** Each side divided by its own total (TFDV, L∞ of categories). */
function largestGap(cells: readonly Cell[]): number {
  return Math.max(...shares(cells).map(({ p, q }) => Math.abs(p - q)));
}

/** ½ KL(P‖M) + ½ KL(Q‖M) with logarithms to base 2, so that 1 is the most. */
function jensenShannon(cells: readonly Cell[]): number {
  const half = (share: number, middle: number): number => (share === 0 ? 0 : (share / 2) * Math.log2(share / middle));
  const sum = shares(cells).reduce((total, { p, q }) => total + half(p, (p + q) / 2) + half(q, (p + q) / 2), 0);
  return Math.min(1, Math.max(0, sum));
}

function psi(cells: readonly Cell[]): number {
  const histogram = (side: 'current' | 'reference') => ({
    edges: [],
    counts: cells.map((cell) => cell[side]),
    nulls: 0,
  });
  return populationStabilityIndex(histogram('reference'), histogram('current'));
}

/** Largest gap of the cumulative shares; critical value √(−½ ln(α/2)) · √((n + m) / nm). */
function compareKs(cells: readonly Cell[], alpha: number): Compared {
  let [p, q, widest, where] = [0, 0, 0, cells[0]?.label ?? ''];
  for (const cell of shares(cells)) {
    p += cell.p;
    q += cell.q;
    if (Math.abs(p - q) > widest) [widest, where] = [Math.abs(p - q), cell.label];
  }
  const [n, m] = totals(cells);
  const critical = Math.sqrt(-Math.log(alpha / 2) / 2) * Math.sqrt((n + m) / (n * m));
  return { distance: widest, mostDifferent: `${where}: the cumulative shares differ by ${percent(widest)}`, critical };
}

/** Homogeneity of two samples; cells with small expectations are counted together, as Cochran's rule asks. */
function compareChiSquare(cells: readonly Cell[], alpha: number): Compared | Incomparable {
  const [n, m] = totals(cells);
  const isSmall = ({ current, reference }: Cell): boolean => ((current + reference) * Math.min(n, m)) / (n + m) < 5;
  const small = cells.filter(isSmall);
  const rest = small.reduce(
    (sum, cell) => ({ ...sum, current: sum.current + cell.current, reference: sum.reference + cell.reference }),
    { label: 'rare values together', current: 0, reference: 0 },
  );
  const kept = [...cells.filter((cell) => !isSmall(cell)), ...(rest.current + rest.reference > 0 ? [rest] : [])];
  if (kept.length < 2) return { problem: 'fewer than two cells have enough rows' };
  const statistic = kept.reduce((sum, { current, reference }) => {
    const [expectedHere, expectedThere] = [n, m].map((rows) => ((current + reference) * rows) / (n + m));
    return sum + term(current, expectedHere ?? 0) + term(reference, expectedThere ?? 0);
  }, 0);
  return { ...mostDifferent(kept), distance: statistic, critical: chisquareQuantile(1 - alpha, kept.length - 1) };
}

function term(observed: number, expected: number): number {
  return (observed - expected) ** 2 / expected;
}

function totals(cells: readonly Cell[]): [number, number] {
  return cells.reduce<[number, number]>(([n, m], cell) => [n + cell.current, m + cell.reference], [0, 0]);
}

/**
 * Histograms with any edges on the union of their edges, the mass of a bin spread evenly over it; infinite values of the
 * two sides are cells of their own, so that they count as different (TFDV).
 */
function densityCells(current: ColumnProfile, reference: ColumnProfile): Cell[] {
  const ends = [current.min, current.max, reference.min, reference.max].filter((end) => end !== null);
  const edges = [...(current.histogram?.edges ?? []), ...(reference.histogram?.edges ?? []), ...ends];
  const union = [...new Set(edges)].sort((left, right) => left - right);
  const cells = union.flatMap((edge, index) => {
    const from = union[index - 1] ?? edge;
    const [here, there] = [massIn(current, from, edge), massIn(reference, from, edge)];
    return here + there === 0 ? [] : [{ label: `${from} to ${edge}`, current: here, reference: there }];
  });
  const infinite = [
    { label: 'infinite here', current: current.infinities, reference: 0 },
    { label: 'infinite in the reference', current: 0, reference: reference.infinities },
  ];
  return [...cells, ...infinite.filter((cell) => cell.current + cell.reference > 0)];
}

/** Rows of a profile in (from, to], or at the point `to` where both are the same. */
function massIn({ histogram, min, max }: ColumnProfile, from: number, to: number): number {
  if (histogram === null || min === null || max === null) return 0;
  return histogram.counts.reduce((sum, count, bin) => {
    const low = Math.max(min, histogram.edges[bin - 1] ?? min);
    const high = Math.min(max, histogram.edges[bin] ?? max);
    if (count === 0) return sum;
    if (high <= low) return sum + (from < high && high <= to ? count : from === to && to === high ? count : 0);
    return sum + (count * Math.max(0, Math.min(high, to) - Math.max(low, from))) / (high - low);
  }, 0);
}
