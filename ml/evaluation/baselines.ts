/** Named baselines: what a model must beat to be worth its trouble. Fitted on training rows only. */
import type { Baseline } from '../../domain/gates.js';
import { scoreWidth, type TaskShape } from '../../domain/task.js';
import { MICROS_PER_HOUR } from '../../domain/time.js';
import { ascendingOrder } from './metrics.js';
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

/** Scores by key, each as wide as the task's; `overall` for keys that training never saw. */
export interface BaselineTable {
  readonly overall: Float64Array;
  readonly byKey: ReadonlyMap<number, Float64Array>;
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
  if (baseline === 'last') return lastByKey(rows, shape);
  if (baseline === 'median' && shape.task === 'regression')
    return { overall: Float64Array.of(medianOf(rows)), byKey: new Map() };
  return meansByKey(rows, shape);
}

/** Mean score by key, drawn towards the overall mean where rows are few. */
export function meansByKey(
  { keys, labels, weights, priorRows = PRIOR_ROWS }: KeyedRows,
  shape: TaskShape,
): BaselineTable {
  const width = scoreWidth(shape);
  const sums = new Map<number, { weight: number; scores: Float64Array }>();
  const total = { weight: 0, scores: new Float64Array(width) };
  for (let row = 0; row < labels.length; row += 1) {
    const key = keys[row] as number;
    const sum = sums.get(key) ?? { weight: 0, scores: new Float64Array(width) };
    sums.set(key, sum);
    const weight = weights?.[row] ?? 1;
    for (const each of [sum, total]) {
      each.weight += weight;
      addLabel(each.scores, { label: labels[row] as number, weight }, shape);
    }
  }
  const overall = total.scores.map((score) => (total.weight === 0 ? 1 / width : score / total.weight));
  const prior = labels.length === 0 ? 0 : (priorRows * total.weight) / labels.length;
  const drawn = ({ weight, scores }: { weight: number; scores: Float64Array }): Float64Array =>
    scores.map((score, position) => (score + prior * (overall[position] as number)) / (weight + prior));
  return { overall, byKey: new Map([...sums].map(([key, sum]) => [key, drawn(sum)])) };
}

function lastByKey({ keys, labels }: KeyedRows, shape: TaskShape): BaselineTable {
  const byKey = new Map<number, Float64Array>();
  const scoresOf = (label: number): Float64Array => {
    const scores = new Float64Array(scoreWidth(shape));
    addLabel(scores, { label, weight: 1 }, shape);
    return scores;
  };
  for (let row = 0; row < labels.length; row += 1) byKey.set(keys[row] as number, scoresOf(labels[row] as number));
  return { overall: scoresOf(labels[labels.length - 1] ?? 0), byKey };
}

/** A label as scores: itself, or 1 for its class; by its weight. */
function addLabel(
  scores: Float64Array,
  { label, weight }: { readonly label: number; readonly weight: number },
  { task }: TaskShape,
): void {
  const position = task === 'multiclass' ? label : 0;
  scores[position] = (scores[position] as number) + weight * (task === 'multiclass' ? 1 : label);
}

/** The label that half of the weight lies below; between two where it falls on their border. */
function medianOf({ labels, weights }: Pick<KeyedRows, 'labels' | 'weights'>): number {
  const order = ascendingOrder(Float32Array.from(labels));
  const half = order.reduce((sum, row) => sum + (weights?.[row] ?? 1), 0) / 2;
  let below = 0;
  for (const [position, row] of order.entries()) {
    const label = labels[row] as number;
    below += weights?.[row] ?? 1;
    if (below === half) return (label + (labels[order[position + 1] ?? row] as number)) / 2;
    if (below > half) return label;
  }
  return 0;
}

export function predictBaseline(
  { overall, byKey }: BaselineTable,
  keys: ArrayLike<number>,
  shape: TaskShape,
): Predictions {
  const width = scoreWidth(shape);
  const scores = new Float32Array(keys.length * width);
  for (let row = 0; row < keys.length; row += 1) scores.set(byKey.get(keys[row] as number) ?? overall, row * width);
  return predictionsOf(shape, scores);
}
