/** What is drawn anew for intervals, and how many of it there are. */
import type { Evidence } from '../../domain/evaluation.js';
import type { ModelSpec } from '../../domain/model.js';
import { MICROS_PER_DAY } from '../../domain/time.js';
import { blocksOf, type SamplingUnit, unitsOf } from '../../ml/evaluation/resampling.js';
import type { ModelRows } from './model-rows.js';

/**
 * Groups where the split is by group, UTC days where it is by time. Where it is by the hash of a key, rows with the same key
 * are a group; single rows only if no key repeats. All unless the spec says otherwise. Without groups in the dataset, days
 * stand in for them, and rows for keys.
 */
export function samplingUnit(
  { evaluation, split }: Pick<ModelSpec, 'evaluation' | 'split'>,
  { rows, eventTs, groups }: Pick<ModelRows, 'rows' | 'eventTs' | 'groups'>,
): { unit: SamplingUnit; blocks: Evidence['blocks'] } {
  const byHash = 'hash' in split;
  const own = byHash || 'group' in split ? 'group' : 'day';
  const chosen = evaluation.blocks === 'auto' ? own : evaluation.blocks;
  const grouped = chosen === 'group' && groups !== undefined ? blocksOf(groups) : null;
  if (grouped !== null && !(byHash && unitsOf(grouped) === rows)) return described('group', grouped);
  if (chosen === 'row' || (chosen === 'group' && byHash)) return described('row', { kind: 'row', rows });
  return described('day', blocksOf(eventTs.map((time) => Math.floor(time / MICROS_PER_DAY))));
}

function described(kind: Evidence['blocks']['kind'], unit: SamplingUnit) {
  return { unit, blocks: { kind, count: unitsOf(unit) } };
}

/** The same unit for fewer rows. */
export function unitOfRows(unit: SamplingUnit, rows: Uint32Array): SamplingUnit {
  if (unit.kind === 'row') return { kind: 'row', rows: rows.length };
  return blocksOf(rows.map((row) => unit.blockOf[row] as number));
}
