/** Parts rows into those to fit on and those that early stopping looks at. */
import { DomainError } from '../../../domain/errors.js';
import type { BoosterRows } from './booster.js';

/**
 * The marked rows are held back; without marks the last share of them, which is the latest where rows are in order of
 * time. Throws `PRN_TRAINING_NO_ROWS` where one of the parts is empty.
 */
export function partRows(
  input: BoosterRows & { readonly validation?: Uint8Array; readonly parameters: { readonly validationShare: number } },
): { fit: BoosterRows; held: BoosterRows } {
  const { rows, validation, parameters } = input;
  const firstHeld = rows - Math.round(rows * parameters.validationShare);
  const isHeld = (row: number): boolean => (validation === undefined ? row >= firstHeld : validation[row] === 1);
  const numbers = Array.from({ length: rows }, (_unused, row) => row);
  const fit = takeRows(
    input,
    numbers.filter((row) => !isHeld(row)),
  );
  const held = takeRows(input, numbers.filter(isHeld));
  if (fit.rows === 0 || held.rows === 0)
    throw new DomainError('PRN_TRAINING_NO_ROWS', {
      reason: `early stopping needs rows to fit and rows to validate on, and has ${fit.rows} and ${held.rows}`,
    });
  return { fit, held };
}

function takeRows(input: BoosterRows, numbers: readonly number[]): BoosterRows {
  const { matrix, columns, labels, weights, categorical } = input;
  const taken = new Float32Array(numbers.length * columns);
  for (const [to, from] of numbers.entries())
    taken.set(matrix.subarray(from * columns, (from + 1) * columns), to * columns);
  return {
    matrix: taken,
    rows: numbers.length,
    columns,
    labels: Float32Array.from(numbers, (row) => labels[row] ?? 0),
    ...(weights && { weights: Float32Array.from(numbers, (row) => weights[row] ?? 1) }),
    ...(categorical && { categorical }),
  };
}
