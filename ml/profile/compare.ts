/** Distances between two profiles of a column, each with the value or bin that differs most. */
import chisquareQuantile from '@stdlib/stats-base-dists-chisquare-quantile';
import { type ColumnProfile, valuesOf } from '../../domain/profile.js';
import { populationStabilityIndex } from '../drift/psi.js';
import { type Cell, cellsOf, countsOf, densityCells } from './cells.js';

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
      return { ...mostDifferent(cells), distance: populationStabilityIndex(countsOf(cells)), critical: null };
    case 'chi_square':
      return compareChiSquare(cells, alpha);
  }
}

function compareJs(cells: readonly Cell[]): Compared {
  return { ...mostDifferent(cells), distance: jensenShannon(cells), critical: null };
}

function shares(cells: readonly Cell[]): { label: string; p: number; q: number }[] {
  const [n, m] = totals(cells);
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
