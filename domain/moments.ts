/** Exact sums of floats on a frozen grid: whole numbers add the same in any order and for any number of threads. */
import type { ExactMoments, MomentGrid } from './profile.js';
import { WholeSum } from './whole-sum.js';

/** Grid steps in a unit. 52 bits keep what a double can tell apart. */
export const STEPS = 2 ** 52;
/** How many units from the pivot a value may lie: squares of steps then stay below 2^62. */
const REACH = 16;
/** The same where sums are of any length: squares of steps only have to stay finite. */
const FAR_REACH = 2 ** 400;

export interface Range {
  readonly min: number;
  readonly max: number;
}

/** The given grid where it reaches over the range, otherwise one made for it. */
export function chooseGrid({ min, max }: Range, given: MomentGrid | null = null): MomentGrid {
  if (given !== null && reachOf(given, { min, max }) <= REACH) return given;
  const pivot = min / 2 + max / 2;
  const half = Math.max(max - pivot, pivot - min);
  const exponent = half === 0 ? 0 : Math.min(1_020, Math.max(-1_000, Math.ceil(Math.log2(half))));
  return { pivot, exponent };
}

/** The given grid for any range whose squares are numbers, so that parts with outliers still add exactly. */
export function keepGrid(range: Range, given: MomentGrid): MomentGrid {
  return reachOf(given, range) <= FAR_REACH ? given : chooseGrid(range);
}

function reachOf({ pivot, exponent }: MomentGrid, { min, max }: Range): number {
  return Math.max(Math.abs(max - pivot), Math.abs(min - pivot)) / 2 ** exponent;
}

/** Sums steps and squares of steps of finite values. */
export function sumOnGrid(values: ArrayLike<number>, grid: MomentGrid): ExactMoments {
  const scale = 2 ** -grid.exponent;
  const [sum, squares] = [new WholeSum(), new WholeSum()];
  for (let row = 0; row < values.length; row += 1) {
    const scaled = ((values[row] ?? 0) - grid.pivot) * scale;
    sum.add(Math.floor(scaled * STEPS));
    squares.add(Math.floor(scaled * scaled * STEPS));
  }
  return { grid, sum: String(sum.total()), squares: String(squares.total()) };
}

/** Mean and sum of squared distances from it, computed from whole numbers without cancellation. */
export function readMoments({ grid, sum, squares }: ExactMoments, count: number): { mean: number; m2: number | null } {
  const [total, square, n] = [BigInt(sum), BigInt(squares), BigInt(count)];
  const unit = 2 ** grid.exponent;
  const mean = grid.pivot + (ratio(total, n) / STEPS) * unit;
  const spread = square * (1n << 52n) * n - total * total;
  const m2 = ratio(spread > 0n ? spread : 0n, n) / STEPS / STEPS;
  const scaled = m2 * unit * unit;
  return { mean, m2: Number.isFinite(scaled) ? scaled : null };
}

/** Quotient of whole numbers as a double. */
function ratio(numerator: bigint, denominator: bigint): number {
  const whole = numerator / denominator;
  return Number(whole) + Number(numerator - whole * denominator) / Number(denominator);
}

export function sameGrid(left: MomentGrid, right: MomentGrid): boolean {
  return left.pivot === right.pivot && left.exponent === right.exponent;
}
