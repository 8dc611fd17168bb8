/** Which version answers a unit: a stable hash, so that a unit stays where it is while a ramp grows. */
import type { Route } from '../domain/endpoint.js';

/** FNV-1a, 32 bits, over UTF-16 code units (not bytes): as GrowthBook's SDKs compute it. */
export function fnv1a32(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash ^= text.charCodeAt(index);
    hash = Math.imul(hash, 0x01000193);
  }
  return hash >>> 0;
}

/** Position of a unit in [0, 1), version 2 of GrowthBook's hash: independent between salts, unlike version 1. */
export function unitPosition(salt: string, unit: string): number {
  return (fnv1a32(String(fnv1a32(salt + unit))) % 10_000) / 10_000;
}

/**
 * The version of a unit. The newest version takes the range from 0, so raising its weight only adds units to it. Null
 * when there are no routes.
 */
export function assignRoute(routes: readonly Route[], salt: string, unit: string): number | null {
  return routeAssigner(routes, salt)(unit);
}

/** {@link assignRoute} with the ranges laid out once, for many units under the same routes. */
export function routeAssigner(routes: readonly Route[], salt: string): (unit: string) => number | null {
  const newestFirst = routes.toSorted((left, right) => right.version - left.version);
  const oldest = newestFirst.at(-1)?.version ?? null;
  if (newestFirst.length <= 1) return () => oldest;
  let covered = 0;
  const ranges = newestFirst.map(({ version, weight }) => ({ version, end: (covered += weight) }));
  return (unit) => {
    const position = unitPosition(salt, unit) * 100;
    return ranges.find(({ end }) => position < end)?.version ?? oldest;
  };
}
