/**
 * Paired block bootstrap: two models on the same rows, resampled by whole days. Rows of one day share their weather, so
 * an interval over independent rows would be several times too narrow.
 */
import { createUniform } from '../random.js';
import { ascendingOrder, logLossOf, weightedRocAuc } from './metrics.js';

export interface PairedRows {
  readonly labels: ArrayLike<number>;
  readonly challenger: Float32Array;
  readonly other: Float32Array;
  /** Block of each row, such as its day. */
  readonly blocks: ArrayLike<number>;
}

export interface BootstrapOptions {
  readonly confidence: number;
  readonly resamples: number;
  readonly seed: number;
}

export interface PairedInterval {
  /** Mean of the statistic: positive means that the challenger is better. */
  readonly estimate: number;
  /** One-sided bounds at the confidence asked for. */
  readonly lower: number;
  readonly upper: number;
  readonly blocks: number;
  readonly rows: number;
  /** With fewer than ten blocks there is nothing to resample honestly. */
  readonly state: 'ok' | 'no_evidence';
}

const MIN_BLOCKS = 10;

/** Improvement of log loss: other − challenger, mean over rows. */
export function logLossImprovement(rows: PairedRows, options: BootstrapOptions): PairedInterval {
  const { blockOf, count } = indexBlocks(rows.blocks);
  const sums = new Float64Array(count);
  const sizes = new Float64Array(count);
  for (const [row, block] of blockOf.entries()) {
    const label = rows.labels[row] ?? 0;
    sums[block] =
      (sums[block] ?? 0) + logLossOf(rows.other[row] ?? 0, label) - logLossOf(rows.challenger[row] ?? 0, label);
    sizes[block] = (sizes[block] ?? 0) + 1;
  }
  return resample({ rows: blockOf.length, count, options }, (multiplicity) => {
    let sum = 0;
    let size = 0;
    for (let block = 0; block < count; block += 1) {
      sum += (sums[block] ?? 0) * (multiplicity[block] ?? 0);
      size += (sizes[block] ?? 0) * (multiplicity[block] ?? 0);
    }
    return sum / size;
  });
}

/** Improvement of ROC AUC: challenger − other, recomputed on each resample from one sort. */
export function rocAucImprovement(rows: PairedRows, options: BootstrapOptions): PairedInterval {
  const { blockOf, count } = indexBlocks(rows.blocks);
  const challengerOrder = ascendingOrder(rows.challenger);
  const otherOrder = ascendingOrder(rows.other);
  const { labels } = rows;
  return resample({ rows: blockOf.length, count, options }, (multiplicity) => {
    const weightOf = (row: number): number => multiplicity[blockOf[row] ?? 0] ?? 0;
    const challenger = weightedRocAuc({ probabilities: rows.challenger, labels, order: challengerOrder, weightOf });
    return challenger - weightedRocAuc({ probabilities: rows.other, labels, order: otherOrder, weightOf });
  });
}

function indexBlocks(blocks: ArrayLike<number>): { blockOf: Uint32Array; count: number } {
  const indexes = new Map<number, number>();
  const blockOf = Uint32Array.from(blocks, (block) => {
    const known = indexes.get(block);
    if (known !== undefined) return known;
    indexes.set(block, indexes.size);
    return indexes.size - 1;
  });
  return { blockOf, count: indexes.size };
}

function resample(
  data: { rows: number; count: number; options: BootstrapOptions },
  statistic: (multiplicity: Float64Array) => number,
): PairedInterval {
  const { rows, count, options } = data;
  const estimate = count === 0 ? Number.NaN : statistic(new Float64Array(count).fill(1));
  if (count < MIN_BLOCKS || Number.isNaN(estimate)) {
    return { estimate, lower: Number.NaN, upper: Number.NaN, blocks: count, rows, state: 'no_evidence' };
  }
  const uniform = createUniform(options.seed);
  const multiplicity = new Float64Array(count);
  const draws: number[] = [];
  for (let draw = 0; draw < options.resamples; draw += 1) {
    multiplicity.fill(0);
    for (let pick = 0; pick < count; pick += 1) {
      const block = Math.floor(uniform() * count);
      multiplicity[block] = (multiplicity[block] ?? 0) + 1;
    }
    const value = statistic(multiplicity);
    if (!Number.isNaN(value)) draws.push(value);
  }
  draws.sort((left, right) => left - right);
  const lower = quantile(draws, 1 - options.confidence);
  return { estimate, lower, upper: quantile(draws, options.confidence), blocks: count, rows, state: 'ok' };
}

/** Linear interpolation between order statistics (type 7). */
function quantile(sorted: readonly number[], share: number): number {
  const position = share * (sorted.length - 1);
  const below = sorted[Math.floor(position)] ?? Number.NaN;
  const above = sorted[Math.ceil(position)] ?? below;
  return below + (above - below) * (position - Math.floor(position));
}
