/** Ranges of parameters as the unit interval: even on their scale, whole numbers with as much room as their neighbours. */
import type { ParameterRange } from '../../domain/search-space.js';

/** The value at a position in [0, 1]. */
export function valueAt(range: ParameterRange, position: number): number {
  const { min, max, type } = range;
  const [low, high] = ends(range);
  const value = unscaled(range, low + (high - low) * position);
  const bounded = Math.min(max, Math.max(min, value));
  return type === 'int' ? Math.round(bounded) : bounded;
}

/** The position of a value; of a whole number the middle of its room. Null outside of the range. */
export function positionOf(range: ParameterRange, value: number): number | null {
  const { min, max, type } = range;
  if (!(value >= min && value <= max) || (type === 'int' && !Number.isInteger(value))) return null;
  const [from, to] = roomOf(range, value);
  return (from + to) / 2;
}

/** First and last position of a value; of a float both are the same. */
export function roomOf(range: ParameterRange, value: number): [number, number] {
  const half = range.type === 'int' ? 0.5 : 0;
  const [low, high] = ends(range);
  if (low === high) return [0, 1];
  return [(scaled(range, value - half) - low) / (high - low), (scaled(range, value + half) - low) / (high - low)];
}

function ends(range: ParameterRange): [number, number] {
  const half = range.type === 'int' ? 0.5 : 0;
  return [scaled(range, range.min - half), scaled(range, range.max + half)];
}

function scaled({ scale }: ParameterRange, value: number): number {
  return scale === 'log' ? Math.log(value) : value;
}

function unscaled({ scale }: ParameterRange, value: number): number {
  return scale === 'log' ? Math.exp(value) : value;
}
