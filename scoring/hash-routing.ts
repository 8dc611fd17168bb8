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
  if (routes.length <= 1) return routes[0]?.version ?? null;
  const position = unitPosition(salt, unit) * 100;
  const newestFirst = [...routes].sort((left, right) => right.version - left.version);
  let covered = 0;
  for (const { version, weight } of newestFirst) {
    covered += weight;
    if (position < covered) return version;
  }
  return newestFirst.at(-1)?.version ?? null;
}
