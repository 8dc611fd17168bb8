/** What every trainer asks of labels and weights before it starts. */
import { DomainError } from '../../domain/errors.js';
import type { Task } from '../../domain/task.js';

export interface LabelledRows {
  readonly rows: number;
  /** 0 or 1, class index, or value. */
  readonly labels: Float32Array;
  /** Finite and above 0; all 1 when left out. */
  readonly weights?: Float32Array;
}

/**
 * Throws `PRN_TRAINING_NO_ROWS`, `PRN_TRAINING_ONE_CLASS`, or `PRN_TRAINING_INVALID_PARAMETER` with the row of the first
 * label or weight that cannot be used.
 */
export function checkLabels(task: Task, data: LabelledRows & { readonly outputs: number }): void {
  const { rows, labels, weights, outputs } = data;
  if (rows === 0) throw new DomainError('PRN_TRAINING_NO_ROWS', { reason: 'no row reached the trainer' });
  const classes = task === 'multiclass' ? outputs : 2;
  let several = false;
  for (let row = 0; row < rows; row += 1) {
    const label = labels[row] ?? Number.NaN;
    const weight = weights?.[row] ?? 1;
    if (task === 'regression' ? !Number.isFinite(label) : !Number.isInteger(label) || label < 0 || label >= classes)
      throw unusable(`label of row ${row}`, label, expectedLabel(task, classes));
    if (!Number.isFinite(weight) || weight <= 0) throw unusable(`weight of row ${row}`, weight, 'a number above 0');
    several ||= label !== labels[0];
  }
  if (!several && task !== 'regression') throw new DomainError('PRN_TRAINING_ONE_CLASS', { rows });
}

function expectedLabel(task: Task, classes: number): string {
  if (task === 'regression') return 'a finite number';
  return task === 'binary' ? '0 or 1' : `a class index from 0 to ${classes - 1}`;
}

function unusable(parameter: string, got: number, expected: string): DomainError {
  return new DomainError('PRN_TRAINING_INVALID_PARAMETER', { parameter, expected, got });
}

/** Sums in the order of the rows. */
export function weightedMean(values: ArrayLike<number>, weights?: ArrayLike<number>): number {
  let sum = 0;
  let total = 0;
  for (let row = 0; row < values.length; row += 1) {
    const weight = weights?.[row] ?? 1;
    sum += weight * (values[row] ?? 0);
    total += weight;
  }
  return sum / total;
}

/** Weight of a row, 1 where there are none. */
export function weightOf({ weights }: { readonly weights?: Float32Array }, row: number): number {
  return weights === undefined ? 1 : (weights[row] as number);
}
