/** Dependence and entropy from counts and whole sums, as `batch-rules.ts` asks for them. */
import type { Cell, ResultRow } from '../profile/profile-sql.js';

/** Groups by size: pairs of a size and how many groups have it. */
function readSizes(list: Cell | undefined): [size: number, times: number][] {
  return list == null ? [] : (JSON.parse(String(list)) as [number, number][]);
}

/** Σ n log2 n over groups of n rows, and the rows. */
function sums(list: Cell | undefined): { rows: number; weighted: number } {
  const sizes = readSizes(list);
  return {
    rows: sizes.reduce((sum, [size, times]) => sum + size * times, 0),
    weighted: sizes.reduce((sum, [size, times]) => sum + times * size * Math.log2(size), 0),
  };
}

/** Shannon's entropy −Σ p log2 p = log2 N − (1/N) Σ n log2 n, in bits; null without rows. */
export function entropyBits(list: Cell | undefined): number | null {
  const { rows, weighted } = sums(list);
  return rows === 0 ? null : Math.max(0, Math.log2(rows) - weighted / rows);
}

/** H(X) + H(Y) − H(X, Y) in bits; null without rows. */
export function mutualInformationBits(items: ResultRow): number | null {
  const [first, second, joint] = [items['first'], items['second'], items['joint']].map(entropyBits);
  if (first == null || second == null || joint == null) return null;
  return Math.max(0, first + second - joint);
}

/** Pearson's, from whole sums; null with fewer than two rows or without spread. */
export function correlation(items: ResultRow): number | null {
  const whole = (part: string): bigint => BigInt(String(items[part] ?? 0));
  const [n, x, y] = [whole('n'), whole('x'), whole('y')];
  if (n < 2n) return null;
  const [sxx, syy, sxy] = [n * whole('xx') - x * x, n * whole('yy') - y * y, n * whole('xy') - x * y];
  if (sxx === 0n || syy === 0n) return null;
  return Number(sxy) / Math.sqrt(Number(sxx)) / Math.sqrt(Number(syy));
}
