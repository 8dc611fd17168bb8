/**
 * Distinct values by HyperLogLog (Flajolet et al. 2007): registers hold the highest rank seen, the position of the lowest
 * set bit of a 64-bit hash. Two sketches merge by the greater rank, so the order of rows and parts does not count.
 */
import { DISTINCT_REGISTERS } from './profile.js';

/** Ranks beyond this are cut off; they would need 2^50 values. */
export const HIGHEST_RANK = 40;
const FIRST_CHARACTER = 48;

export function emptyRegisters(): Uint8Array {
  return new Uint8Array(DISTINCT_REGISTERS);
}

export function writeRegisters(registers: Uint8Array): string {
  return String.fromCharCode(...registers.map((rank) => rank + FIRST_CHARACTER));
}

export function readRegisters(sketch: string): Uint8Array {
  return Uint8Array.from(sketch, (character) => character.charCodeAt(0) - FIRST_CHARACTER);
}

export function mergeRegisters(left: Uint8Array, right: Uint8Array): Uint8Array {
  return left.map((rank, register) => Math.max(rank, right[register] ?? 0));
}

/** Linear counting for few values, the harmonic mean for many. */
export function estimateDistinct(registers: Uint8Array): number {
  const size = registers.length;
  const empty = registers.reduce((sum, rank) => sum + (rank === 0 ? 1 : 0), 0);
  const harmonic = registers.reduce((sum, rank) => sum + 2 ** -rank, 0);
  const raw = ((0.7213 / (1 + 1.079 / size)) * size * size) / harmonic;
  return Math.round(raw <= 2.5 * size && empty > 0 ? size * Math.log(size / empty) : raw);
}
