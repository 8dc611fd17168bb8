/** p values of estimates over their standard errors. */
import tCdf from '@stdlib/stats-base-dists-t-cdf';

/** The t distribution is normal to ten digits from here on. */
const NORMAL_DEGREES = 1e9;

/** Probability of a value as far from 0 on either side. */
export function twoSided(ratio: number, degreesOfFreedom: number): number {
  return 2 * tCdf(-Math.abs(ratio), Math.min(degreesOfFreedom, NORMAL_DEGREES));
}
