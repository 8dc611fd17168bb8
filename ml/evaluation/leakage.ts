/** How well one feature alone foretells the label: what is too good to be true mostly is. */
import type { Alarm } from '../../domain/evaluation.js';
import type { TaskShape } from '../../domain/task.js';
import { meansByKey, predictBaseline } from './baselines.js';
import { binaryStatistic } from './binary-statistic.js';
import { type FeaturePart, predictByLine, rankCorrelation } from './feature-fit.js';
import { quantile } from './intervals.js';
import { measureOnce } from './statistic.js';
import { likeliestClass } from './predictions.js';
import { regressionStatistic } from './regression-statistic.js';

/** Above these a feature raises an alarm; a whole label shows as {@link WHOLE_LABEL} or more. */
const LIMITS = { binary: 0.99, multiclass: 0.98, regression: 0.99 } as const;
const WHOLE_LABEL = 0.9999;

const MEASURES = {
  binary: 'ROC AUC',
  multiclass: 'share of the mistakes of guessing the commonest class that it avoids',
  regression: 'R² of its values, or of its ranks',
} as const;

/** Numeric values are told apart by so many bins; fewer different values are told apart as they are. */
const BINS = 256;

/** No position of a bin, and no code: an unseen category is −1. */
const MISSING_KEY = -2;

/** A feature on both sides of the split. */
export interface JudgedFeature {
  readonly train: FeaturePart;
  readonly holdout: FeaturePart;
  /** Whether values are codes of categories, whose order says nothing: each is told apart from all others. */
  readonly isCategorical: boolean;
}

/**
 * Quality on the holdout of a table fitted on the training rows of that feature alone: ROC AUC, avoided mistakes, or R²,
 * 1 at best. A table of bins loses the tails of a numeric label, so for a regression a line and the order of the values
 * are tried as well, and the best of the three counts. NaN where it is not defined.
 */
export function qualityAlone({ train, holdout, isCategorical }: JudgedFeature, shape: TaskShape): number {
  const edges = isCategorical ? null : edgesOf(train.values);
  const keysOf = ({ values }: FeaturePart): Float64Array =>
    Float64Array.from(values, (value) => {
      if (Number.isNaN(value)) return MISSING_KEY;
      return edges === null ? value : positionOf(edges, value);
    });
  const table = meansByKey({ ...train, keys: keysOf(train), priorRows: 0 }, shape);
  const predictions = predictBaseline(table, keysOf(holdout), shape);
  const { labels, weights } = holdout;
  if (predictions.task === 'binary')
    return measureOnce(binaryStatistic({ ...predictions, labels, weights, threshold: 0.5 }), labels.length)('roc_auc');
  if (predictions.task === 'multiclass')
    return avoidedMistakes(predictions.probabilities, holdout, shape.classes.length);
  const byTable = r2Of(predictions.values, holdout);
  if (isCategorical) return byTable;
  const byLine = r2Of(predictByLine(train, holdout.values), holdout);
  const byOrder = rankCorrelation(holdout) ** 2;
  return [byTable, byLine, byOrder].reduce((best, quality) => (quality > best ? quality : best), byTable);
}

function r2Of(values: Float32Array, { labels, weights }: FeaturePart): number {
  return measureOnce(regressionStatistic({ values, labels, weights }), labels.length)('r2');
}

function avoidedMistakes(probabilities: Float32Array, { labels, weights }: FeaturePart, classes: number): number {
  const counts = new Float64Array(classes);
  let [total, wrong] = [0, 0];
  for (let row = 0; row < labels.length; row += 1) {
    const label = labels[row] as number;
    const weight = weights?.[row] ?? 1;
    counts[label] = (counts[label] as number) + weight;
    total += weight;
    if (likeliestClass(probabilities, row, classes) !== label) wrong += weight;
  }
  const guessed = total - Math.max(...counts);
  return guessed > 0 ? 1 - wrong / guessed : Number.NaN;
}

function edgesOf(values: Float32Array): Float64Array {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort();
  const distinct = new Set(sorted);
  if (distinct.size <= BINS) return Float64Array.from(distinct);
  const shares = Array.from({ length: BINS }, (_unused, bin) => quantile(sorted, bin / BINS));
  return Float64Array.from(new Set(shares));
}

/** Position of the greatest edge that is not above the value, by halving. */
function positionOf(edges: Float64Array, value: number): number {
  let [low, high] = [0, edges.length];
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if ((edges[middle] as number) <= value) low = middle;
    else high = middle;
  }
  return low;
}

/** Null where the feature is not suspicious. */
export function alarmOfFeature(feature: string, quality: number, { task }: TaskShape): Alarm | null {
  if (!(quality > LIMITS[task])) return null;
  const isLabel = quality >= WHOLE_LABEL;
  const explanation = isLabel
    ? `feature ${feature} alone tells the label (${MEASURES[task]} ${quality.toFixed(4)}): it is probably made of it`
    : `feature ${feature} alone foretells the label too well (${MEASURES[task]} ${quality.toFixed(4)}): was it known at the time?`;
  return {
    kind: isLabel ? 'target_in_features' : 'feature_too_good',
    subject: feature,
    value: quality,
    limit: LIMITS[task],
    explanation,
  };
}

/** Parts of the data that training and holdout must not share. */
export interface PartKeys {
  readonly eventTs: Float64Array;
  readonly groups?: readonly string[] | undefined;
}

/** `byTime`: the split promises that training ended before the holdout began. */
export function alarmsOfSplit(train: PartKeys, holdout: PartKeys, byTime: boolean): Alarm[] {
  const alarms: Alarm[] = [];
  const lastTrained = train.eventTs.reduce((most, time) => Math.max(most, time), Number.NEGATIVE_INFINITY);
  const early = holdout.eventTs.reduce((count, time) => count + (time <= lastTrained ? 1 : 0), 0);
  if (byTime && early > 0)
    alarms.push({
      kind: 'times_shared',
      subject: 'event time',
      value: early / holdout.eventTs.length,
      limit: 0,
      explanation: `${early} holdout rows are not later than the last training row`,
    });
  const trained = new Set(train.groups ?? []);
  const shared = new Set((holdout.groups ?? []).filter((group) => trained.has(group)));
  if (shared.size > 0)
    alarms.push({
      kind: 'keys_shared',
      subject: 'group',
      value: shared.size,
      limit: 0,
      explanation: `${shared.size} groups have rows in training and in the holdout`,
    });
  return alarms;
}
