/** What is drawn anew for intervals, and how many of it there are. */
import type { Evidence } from '../../domain/evaluation.js';
import type { ModelSpec } from '../../domain/model.js';
import { MICROS_PER_DAY } from '../../domain/time.js';
import { blocksOf, type SamplingUnit, unitsOf } from '../../ml/evaluation/resampling.js';
import type { ModelRows } from './model-rows.js';

/**
 * Groups where the split is by group, UTC days where it is by time, rows where it is by the hash of a key, unless the spec
 * says otherwise. Without groups in the dataset, days stand in for them.
 */
export function samplingUnit(
  { evaluation, split }: Pick<ModelSpec, 'evaluation' | 'split'>,
  { rows, eventTs, groups }: Pick<ModelRows, 'rows' | 'eventTs' | 'groups'>,
): { unit: SamplingUnit; blocks: Evidence['blocks'] } {
  const chosen =
    evaluation.blocks === 'auto' ? ('group' in split ? 'group' : 'hash' in split ? 'row' : 'day') : evaluation.blocks;
  const kind = chosen === 'group' && groups === undefined ? 'day' : chosen;
  const unit: SamplingUnit =
    kind === 'row'
      ? { kind: 'row', rows }
      : blocksOf(kind === 'group' ? (groups ?? []) : eventTs.map((time) => Math.floor(time / MICROS_PER_DAY)));
  return { unit, blocks: { kind, count: unitsOf(unit) } };
}

/** The same unit for fewer rows. */
export function unitOfRows(unit: SamplingUnit, rows: Uint32Array): SamplingUnit {
  if (unit.kind === 'row') return { kind: 'row', rows: rows.length };
  return blocksOf(rows.map((row) => unit.blockOf[row] as number));
}
