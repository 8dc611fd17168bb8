/** Population stability index with a threshold that knows how many rows it saw. */
import chisquareQuantile from '@stdlib/stats-base-dists-chisquare-quantile';

export type ZeroFilling = 'jeffreys' | 'evidently';

/** Rows of two samples by the same cells: bins, categories, missing values. */
export interface AlignedCounts {
  readonly reference: readonly number[];
  readonly current: readonly number[];
}

/**
 * PSI = Σ (p − q) · ln(p / q) over cells. `jeffreys` adds half a row to every cell, which keeps it finite and unbiased
 * enough; `evidently` replaces empty shares by 1e-4 and does not renormalise, to reproduce that tool's numbers.
 */
export function populationStabilityIndex(
  { reference, current }: AlignedCounts,
  zeroFilling: ZeroFilling = 'jeffreys',
): number {
  const [p, q] = [shares(reference, zeroFilling), shares(current, zeroFilling)];
  return p.reduce((sum, share, cell) => sum + (share - (q[cell] ?? share)) * Math.log(share / (q[cell] ?? share)), 0);
}

function shares(counts: readonly number[], zeroFilling: ZeroFilling): number[] {
  const rows = rowsOf(counts);
  if (zeroFilling === 'jeffreys') return counts.map((count) => (count + 0.5) / (rows + 0.5 * counts.length));
  const raw = counts.map((count) => count / rows);
  const least = Math.min(...raw.filter((share) => share > 0));
  const filling = least > 1e-4 ? 1e-4 : least / 1e6;
  return raw.map((share) => (share === 0 ? filling : share));
}

/**
 * The PSI that two samples of the same distribution exceed with probability `alpha`: PSI is asymptotically
 * (1/n + 1/m) · χ² with one degree of freedom less than cells (Yurdakul 2018).
 */
export function criticalPsi({ reference, current }: AlignedCounts, alpha: number): number {
  const [n, m] = [rowsOf(reference), rowsOf(current)];
  if (n === 0 || m === 0 || reference.length < 2) return Number.POSITIVE_INFINITY;
  return (1 / n + 1 / m) * chisquareQuantile(1 - alpha, reference.length - 1);
}

function rowsOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
