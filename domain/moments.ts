/** Exact sums of floats on a frozen grid: whole numbers add the same in any order and for any number of threads. */
import type { ExactMoments, MomentGrid } from './profile.js';

/** Grid steps in a unit. 52 bits keep what a double can tell apart. */
export const STEPS = 2 ** 52;
/** How many units from the pivot a value may lie: squares of steps then stay below 2^62. */
const REACH = 16;

/** The given grid where it reaches over [min, max], otherwise one made for that range. */
export function chooseGrid(min: number, max: number, given: MomentGrid | null = null): MomentGrid {
  if (given !== null && reaches(given, min, max)) return given;
  const pivot = min / 2 + max / 2;
  const half = Math.max(max - pivot, pivot - min);
  const exponent = half === 0 ? 0 : Math.min(1_020, Math.max(-1_000, Math.ceil(Math.log2(half))));
  return { pivot, exponent };
}

function reaches({ pivot, exponent }: MomentGrid, min: number, max: number): boolean {
  const unit = 2 ** exponent;
  return Math.max(Math.abs(max - pivot), Math.abs(min - pivot)) / unit <= REACH;
}

/** Sums steps and squares of steps of finite values. */
export function sumOnGrid(values: Iterable<number>, grid: MomentGrid): ExactMoments {
  const scale = 2 ** -grid.exponent;
  let [sum, squares] = [0n, 0n];
  for (const value of values) {
    const scaled = (value - grid.pivot) * scale;
    sum += BigInt(Math.floor(scaled * STEPS));
    squares += BigInt(Math.floor(scaled * scaled * STEPS));
  }
  return { grid, sum: String(sum), squares: String(squares) };
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
