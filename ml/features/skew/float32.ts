/** float32 values as what they are: bits, and their neighbours. */

const FLOAT = new Float32Array(1);
const BITS = new Int32Array(FLOAT.buffer);

/**
 * How many float32 values apart two numbers are: 0 for the same bits or if both are missing (NaN), 1 for neighbours, −0
 * and 0 among them. Infinity where only one is missing.
 */
export function ulpDistance(left: number, right: number): number {
  if (Number.isNaN(left) || Number.isNaN(right))
    return Number.isNaN(left) && Number.isNaN(right) ? 0 : Number.POSITIVE_INFINITY;
  return Math.abs(positionOf(left) - positionOf(right));
}

/** The next greater float32, or for −1 the next smaller one; infinities and NaN stay. */
export function neighbour(value: number, direction: 1 | -1): number {
  const rounded = Math.fround(value);
  if (!Number.isFinite(rounded)) return rounded;
  const position = positionOf(rounded) + direction;
  BITS[0] = position >= 0 ? position : -2_147_483_649 - position;
  return FLOAT[0] ?? Number.NaN;
}

/** Position among all float32 values in ascending order; 0 for +0, −1 for −0. */
function positionOf(value: number): number {
  FLOAT[0] = value;
  const bits = BITS[0] ?? 0;
  return bits >= 0 ? bits : -2_147_483_649 - bits;
}
