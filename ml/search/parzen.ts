/**
 * Densities of the tree-structured Parzen estimator (Bergstra, Bardenet, Bengio, Kégl 2011, §4): over the unit interval a
 * mixture of truncated normals around what was observed, over a list smoothed frequencies.
 */
import { normalCdf, normalQuantile } from '../evaluation/normal.js';

/** A normal cut off at both ends of the unit interval. */
interface Component {
  readonly mean: number;
  readonly deviation: number;
  /** Distribution function of the whole normal at 0, and its mass within [0, 1]. */
  readonly below: number;
  readonly mass: number;
}

export interface Mixture {
  readonly components: readonly Component[];
}

/** A wide normal in the middle stands for what is believed before anything is seen, and counts as one observation. */
const PRIOR = { mean: 0.5, deviation: 1 };
const FINEST_SHARE = 100;

/**
 * A component for each observed position in [0, 1], as wide as the farther of its two neighbours is away, but no finer than
 * a share of the interval that shrinks with the number of observations.
 */
export function mixtureOf(positions: readonly number[]): Mixture {
  const means = [...positions, PRIOR.mean].toSorted((left, right) => left - right);
  const finest = 1 / Math.min(FINEST_SHARE, 1 + means.length);
  let prior = means.indexOf(PRIOR.mean);
  const components = means.map((mean, index) => {
    if (index === prior) {
      prior = -1;
      return component(PRIOR.mean, PRIOR.deviation);
    }
    const gaps = [means[index - 1], means[index + 1]].map((other) =>
      other === undefined ? 0 : Math.abs(mean - other),
    );
    return component(mean, Math.min(1, Math.max(finest, ...gaps)));
  });
  return { components };
}

function component(mean: number, deviation: number): Component {
  const below = normalCdf(-mean / deviation);
  return { mean, deviation, below, mass: normalCdf((1 - mean) / deviation) - below };
}

/** A draw from the mixture by two uniform numbers in [0, 1). */
export function drawFrom({ components }: Mixture, which: number, where: number): number {
  const { mean, deviation, below, mass } = components[Math.floor(which * components.length)] as Component;
  const position = mean + deviation * normalQuantile(below + where * mass);
  return Math.min(1, Math.max(0, position));
}

/** Density at a position, or the mean density over a room of positions. */
export function densityAt({ components }: Mixture, [from, to]: readonly [number, number]): number {
  let sum = 0;
  for (const { mean, deviation, mass } of components) {
    const low = (from - mean) / deviation;
    sum +=
      from === to
        ? Math.exp(-(low ** 2) / 2) / (Math.sqrt(2 * Math.PI) * deviation * mass)
        : (normalCdf((to - mean) / deviation) - normalCdf(low)) / ((to - from) * mass);
  }
  return sum / components.length;
}

/** Shares of the positions of a list, each of which counts as observed once beforehand. */
export function frequenciesOf(positions: readonly number[], size: number): number[] {
  const counts = Array.from({ length: size }, () => 1);
  for (const position of positions) counts[position] = (counts[position] ?? 0) + 1;
  return counts.map((count) => count / (positions.length + size));
}

/** Position in a list by its shares and a uniform number in [0, 1). */
export function pickFrom(shares: readonly number[], uniform: number): number {
  let rest = uniform;
  for (const [position, share] of shares.entries()) {
    rest -= share;
    if (rest < 0) return position;
  }
  return shares.length - 1;
}
