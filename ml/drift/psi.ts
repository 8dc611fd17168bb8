/** Population stability index with a threshold that knows how many rows it saw. */
import chisquareQuantile from '@stdlib/stats-base-dists-chisquare-quantile';
import type { Histogram } from '../../domain/bundle.js';
import { rowsOf } from './histogram.js';

export type ZeroFilling = 'jeffreys' | 'evidently';

/**
 * PSI = Σ (p − q) · ln(p / q) over bins, the bin of nulls included where either side has nulls. `jeffreys` adds half a
 * row to every bin, which keeps it finite and unbiased enough; `evidently` replaces empty shares by 1e-4 and does not
 * renormalise, to reproduce that tool's numbers.
 */
export function populationStabilityIndex(
  reference: Histogram,
  current: Histogram,
  zeroFilling: ZeroFilling = 'jeffreys',
): number {
  const [p, q] = [shares(reference, current, zeroFilling), shares(current, reference, zeroFilling)];
  return p.reduce((sum, share, bin) => sum + (share - (q[bin] ?? share)) * Math.log(share / (q[bin] ?? share)), 0);
}

function binsWithNulls(histogram: Histogram, other: Histogram): number[] {
  return histogram.nulls > 0 || other.nulls > 0 ? [...histogram.counts, histogram.nulls] : [...histogram.counts];
}

function shares(histogram: Histogram, other: Histogram, zeroFilling: ZeroFilling): number[] {
  const counts = binsWithNulls(histogram, other);
  const rows = rowsOf(histogram);
  if (zeroFilling === 'jeffreys') return counts.map((count) => (count + 0.5) / (rows + 0.5 * counts.length));
  const raw = counts.map((count) => count / rows);
  const least = Math.min(...raw.filter((share) => share > 0));
  const filling = least > 1e-4 ? 1e-4 : least / 1e6;
  return raw.map((share) => (share === 0 ? filling : share));
}

/**
 * The PSI that two samples of the same distribution exceed with probability `alpha`: PSI is asymptotically
 * (1/n + 1/m) · χ² with B − 1 degrees of freedom (Yurdakul 2018).
 */
export function criticalPsi(reference: Histogram, current: Histogram, alpha: number): number {
  const bins = binsWithNulls(reference, current).length;
  const [n, m] = [rowsOf(reference), rowsOf(current)];
  if (n === 0 || m === 0 || bins < 2) return Number.POSITIVE_INFINITY;
  return (1 / n + 1 / m) * chisquareQuantile(1 - alpha, bins - 1);
}
