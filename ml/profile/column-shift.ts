/** How far a column moved from its reference, by the population stability index. */
import type { ColumnProfile } from '../../domain/profile.js';
import { criticalPsi, populationStabilityIndex } from '../drift/psi.js';
import { countsOf, rowCells } from './cells.js';

export interface ColumnShift {
  readonly psi: number;
  /** PSI that equal distributions exceed with probability `alpha`; infinite where there is only one cell. */
  readonly critical: (alpha: number) => number;
}

/** Missing and infinite values count as cells of their own. Null without rows, and for profiles of different edges. */
export function columnShift(current: ColumnProfile, reference: ColumnProfile): ColumnShift | null {
  const cells = current.count === 0 ? null : rowCells(current, reference);
  if (cells === null) return null;
  const counts = countsOf(cells);
  return { psi: populationStabilityIndex(counts), critical: (alpha) => criticalPsi(counts, alpha) };
}
