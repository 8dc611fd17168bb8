/**
 * Bootstrap intervals of few units are too narrow: resamples vary by n − 1 over n of what the sample tells, and their
 * bounds know nothing of how badly few units tell a variance.
 */
import tCdf from '@stdlib/stats-base-dists-t-cdf';
import { normalCdf, normalQuantile } from './normal.js';

/** Beyond this the expansion changes no level by more than a ten-thousandth of it. */
const MANY_UNITS = 100_000;

/**
 * The tail to read off the resamples of `units` so that the bound has the tail that is asked for: Φ(−√(n/(n − 1)) ·
 * t(n − 1)), the expanded percentile interval of Hesterberg (2015), "What Teachers Should Know About the Bootstrap", §4.2.
 * It gives the t interval for a mean of normal values. `tail` lies in (0, 0.5).
 */
export function expandedTail(tail: number, units: number): number {
  if (units > MANY_UNITS) return tail;
  return normalCdf(Math.sqrt(units / (units - 1)) * studentQuantile(tail, units - 1));
}

/** Steps of halving: enough for ten digits. */
const HALVINGS = 40;

/** The value below which Student's t lies with a probability under 0.5, by halving. */
export function studentQuantile(tail: number, degreesOfFreedom: number): number {
  // Its tails are heavier than the normal ones.
  let above = normalQuantile(tail);
  let below = 2 * above;
  while (tCdf(below, degreesOfFreedom) > tail) below *= 2;
  for (let step = 0; step < HALVINGS; step += 1) {
    const middle = (above + below) / 2;
    if (tCdf(middle, degreesOfFreedom) > tail) above = middle;
    else below = middle;
  }
  return (above + below) / 2;
}
