/** What a training refuses of its features before any trainer sees them. */
import { DomainError } from '../../domain/errors.js';
import type { TrainingData } from './train.js';

/**
 * Throws `PRN_TRAINING_INFINITE_FEATURE`, `PRN_TRAINING_EMPTY_FEATURE` for a feature that no row has, and
 * `PRN_TRAINING_NO_INFORMATION` where every feature has one value only.
 */
export function checkFeatureValues(data: Pick<TrainingData, 'matrix' | 'rows' | 'columns' | 'names'>): void {
  const { rows, names } = data;
  let varies = false;
  for (const [column, feature] of names.entries()) {
    const seen = inspect(data, column);
    if (seen.infinite > 0)
      throw new DomainError('PRN_TRAINING_INFINITE_FEATURE', { feature, infinite: seen.infinite, rows });
    if (seen.missing === rows) throw new DomainError('PRN_TRAINING_EMPTY_FEATURE', { feature, rows });
    varies ||= seen.varies;
  }
  if (!varies) throw new DomainError('PRN_TRAINING_NO_INFORMATION', { features: names.join(', '), rows });
}

/** Missing beside a value is a difference as well. */
function inspect(
  { matrix, rows, columns }: Pick<TrainingData, 'matrix' | 'rows' | 'columns'>,
  column: number,
): { readonly infinite: number; readonly missing: number; readonly varies: boolean } {
  const first = matrix[column] as number;
  let [infinite, missing, varies] = [0, 0, false];
  for (let row = 0; row < rows; row += 1) {
    const value = matrix[row * columns + column] as number;
    if (Number.isNaN(value)) missing += 1;
    else if (!Number.isFinite(value)) infinite += 1;
    varies ||= !Object.is(value, first) && value !== first;
  }
  return { infinite, missing, varies };
}
