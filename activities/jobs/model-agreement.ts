/** Whether two ways to predict the same rows say the same: an estimator and its export, one batch and another. */
import { DomainError } from '../../domain/errors.js';
import { AGREEMENT_TOLERANCE, MEAN_TOLERANCE, type TrainerRequest } from '../../domain/external-training.js';
import type { Task } from '../../domain/task.js';

/** Batches that a sample is cut into, rows each, over and over. */
const BATCHES = [1, 3, 7];

/** What the estimator said of the sample against what its export says. Throws `PRN_TRAINER_DISAGREES`. */
export function requireAgreement(
  actual: Float64Array,
  expected: readonly number[],
  { task, sample }: TrainerRequest,
): void {
  if (expected.length !== actual.length)
    throw new DomainError('PRN_TRAINER_OUTPUT', {
      problem: `the sample predictions have ${expected.length} values, expected ${actual.length}`,
    });
  const differing = differencesOf(actual, expected, { task, rows: sample.length });
  if (differing.rows === 0) return;
  throw new DomainError('PRN_TRAINER_DISAGREES', {
    rows: differing.rows,
    sampleRows: sample.length,
    difference: differing.difference.toPrecision(3),
    tolerance: differing.tolerance.toPrecision(1),
  });
}

/**
 * Serving asks for a row alone or together with any others, so the prediction of a row must not depend on them. `score`
 * predicts the rows at the given positions of the sample, of which `whole` are the scores in its own order.
 * Throws `PRN_TRAINER_PREDICTIONS`.
 */
export async function requireRowwise(
  whole: Float64Array,
  {
    task,
    rows,
    score,
  }: {
    readonly task: Task;
    readonly rows: number;
    readonly score: (positions: readonly number[]) => Promise<Float64Array>;
  },
): Promise<void> {
  const width = whole.length / rows;
  const order = scrambled(rows);
  for (const batch of [order, ...cut(order)]) {
    const expected = batch.flatMap((row) => [...whole.subarray(row * width, (row + 1) * width)]);
    const differing = differencesOf(await score(batch), expected, { task, rows: batch.length, scaleOf: whole });
    if (differing.rows > 0)
      throw new DomainError('PRN_TRAINER_PREDICTIONS', {
        problem:
          `those of a row depend on which rows are predicted with it: in a batch of ${batch.length} they differ by ` +
          `${differing.difference.toPrecision(3)} from those in a batch of ${rows}`,
      });
  }
}

interface Differences {
  /** So many rows differ by more than they may. */
  readonly rows: number;
  /** Of the worst value, and what it may be. */
  readonly difference: number;
  readonly tolerance: number;
}

function differencesOf(
  actual: ArrayLike<number>,
  expected: readonly number[],
  { task, rows, scaleOf = expected }: { task: Task; rows: number; scaleOf?: ArrayLike<number> },
): Differences {
  const allowed = toleranceOf(task, scaleOf);
  const width = expected.length / rows;
  const differing = new Set<number>();
  let worst = { difference: 0, tolerance: allowed(0) };
  for (const [index, value] of expected.entries()) {
    const [difference, tolerance] = [Math.abs((actual[index] ?? Number.NaN) - value), allowed(value)];
    if (difference <= tolerance) continue;
    differing.add(Math.floor(index / width));
    if (!(difference / tolerance <= worst.difference / worst.tolerance)) worst = { difference, tolerance };
  }
  return { rows: differing.size, ...worst };
}

/**
 * Of probabilities, one and the same. A value may differ by a share of itself and of the median size of values, and not
 * of the greatest one, beside which a wrong prediction of anything common would not show. A sum in float32 passes
 * through numbers as great as the mean, which may be far above the median.
 */
function toleranceOf(task: Task, values: ArrayLike<number>): (value: number) => number {
  if (task !== 'regression') return () => AGREEMENT_TOLERANCE;
  const sizes = Float64Array.from(values, Math.abs)
    .filter((size) => size > 0)
    .toSorted();
  const median = sizes[Math.floor(sizes.length / 2)] ?? 1;
  const mean = sizes.reduce((sum, size) => sum + size, 0) / Math.max(1, values.length);
  const least = Math.max(AGREEMENT_TOLERANCE * median, MEAN_TOLERANCE * mean);
  return (value) => least + AGREEMENT_TOLERANCE * Math.abs(value);
}

/** Positions below `count`, in an order that has nothing to do with theirs and is always the same. */
function scrambled(count: number): number[] {
  const place = (index: number): number => Math.imul(index + 1, 0x9e3779b1) >>> 0;
  return Array.from({ length: count }, (_unused, index) => index).toSorted((left, right) => place(left) - place(right));
}

function cut(order: readonly number[]): number[][] {
  const batches: number[][] = [];
  for (let from = 0, turn = 0; from < order.length; turn += 1) {
    const rows = BATCHES[turn % BATCHES.length] ?? 1;
    batches.push(order.slice(from, from + rows));
    from += rows;
  }
  return batches;
}
