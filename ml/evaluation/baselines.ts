/**
 * Named baselines: what a model must beat to be worth its trouble. Fitted on training rows only. They answer by the
 * formula of trained baselines (`ml/training/baseline`), but are no models: they look up any column of the spine, or the
 * hour of the week, which the features of the judged model need not hold, and are never exported.
 */
import type { Baseline } from '../../domain/gates.js';
import { scoreWidth, type TaskShape } from '../../domain/task.js';
import { MICROS_PER_HOUR } from '../../domain/time.js';
import { type EntryRows, lastAnswers, meanAnswers, medianAnswer } from '../training/baseline/answers.js';
import { type Predictions, predictionsOf } from './predictions.js';

/** Rows that count as one prior observation of the overall rate, so that rare values do not shout. */
const PRIOR_ROWS = 20;

const HOURS_PER_WEEK = 168;

export interface KeyedRows {
  /** Rows (of mean weight) that the overall mean counts for in each key; 20 where left out. */
  readonly priorRows?: number;
  /** What rows are told apart by; NaN is a key like any other. */
  readonly keys: ArrayLike<number>;
  /** Ascending in time. */
  readonly labels: ArrayLike<number>;
  /** Above 0; all rows count alike without them. */
  readonly weights?: Float32Array | undefined;
}

/** Answers by key, row-major and each as wide as the task's; the last one is for keys that training never saw. */
export interface BaselineTable {
  readonly places: ReadonlyMap<number, number>;
  readonly answers: Float32Array;
}

/** Keys of a baseline: the given column, the hour of the week, or one for all. */
export function baselineKeys(
  { baseline, column }: Baseline,
  rows: { readonly eventTs: Float64Array; readonly values: ArrayLike<number> | null },
): ArrayLike<number> {
  if (column !== undefined && rows.values !== null) return rows.values;
  if (baseline !== 'seasonal') return new Float64Array(rows.eventTs.length);
  return rows.eventTs.map((time) => {
    const hour = Math.floor(time / MICROS_PER_HOUR);
    return ((hour % HOURS_PER_WEEK) + HOURS_PER_WEEK) % HOURS_PER_WEEK;
  });
}

export function fitBaseline(
  { baseline }: Pick<Baseline, 'baseline'>,
  rows: KeyedRows,
  shape: TaskShape,
): BaselineTable {
  if (baseline === 'last') {
    const { places, entries } = entriesByKey(rows, shape);
    return { places, answers: lastAnswers(entries) };
  }
  if (baseline === 'median' && shape.task === 'regression')
    return { places: new Map(), answers: Float32Array.of(medianAnswer(rows)) };
  return meansByKey(rows, shape);
}

/** Mean score by key, drawn towards the overall mean where rows are few. */
export function meansByKey(rows: KeyedRows, shape: TaskShape): BaselineTable {
  const { places, entries } = entriesByKey(rows, shape);
  return { places, answers: meanAnswers(entries, rows.priorRows ?? PRIOR_ROWS) };
}

/** A place for each key in the order of arrival, and one more that no row has. */
function entriesByKey(
  { keys, labels, weights }: KeyedRows,
  shape: TaskShape,
): { readonly places: ReadonlyMap<number, number>; readonly entries: EntryRows } {
  const places = new Map<number, number>();
  const entryOf = Uint32Array.from(keys, (key) => {
    const place = places.get(key) ?? places.size;
    places.set(key, place);
    return place;
  });
  const sizes = { rows: labels.length, entries: places.size + 1 };
  return {
    places,
    entries: { task: shape.task, outputs: scoreWidth(shape), labels, weights, entryOf, ...sizes },
  };
}

export function predictBaseline(
  { places, answers }: BaselineTable,
  keys: ArrayLike<number>,
  shape: TaskShape,
): Predictions {
  const width = scoreWidth(shape);
  const unseen = answers.length / width - 1;
  const scores = new Float32Array(keys.length * width);
  for (let row = 0; row < keys.length; row += 1) {
    const place = places.get(keys[row] as number) ?? unseen;
    scores.set(answers.subarray(place * width, (place + 1) * width), row * width);
  }
  return predictionsOf(shape, scores);
}
