/**
 * One pass over the rows of a binary model by descending probability: all sums its metrics are made of, for any counts.
 * Rows are copied stretch by stretch into buffers of this module, which are constants to the engine: it then keeps the
 * sums of a short loop in registers, where in one loop over arrays it does not know it would box them anew for every row.
 */
import type { DecisionCosts } from '../../domain/evaluation.js';
import type { RowCounts } from './statistic.js';

/** Rows ascending by probability, and what a pass needs of each. */
export interface SortedRows {
  /** Row numbers; null where the rows were given in this order. */
  readonly order: Uint32Array | null;
  readonly probabilities: Float32Array;
  readonly labels: Uint8Array;
  readonly weights: Float32Array | null;
  readonly losses: Float64Array;
  /** 1 where a run of equal probabilities begins. */
  readonly isFirst: Uint8Array;
  /** First position of each calibration bin, and the number of rows at the end. No run straddles two. */
  readonly bins: Uint32Array;
  /** First position whose decision is 1. */
  readonly cut: number;
}

export interface BinarySums {
  readonly total: number;
  readonly positives: number;
  readonly truePositive: number;
  readonly falsePositive: number;
  readonly loss: number;
  readonly squared: number;
  readonly gap: number;
  /** Sum over calibration bins of the absolute gap. */
  readonly absoluteGap: number;
  /** Ordered pairs of a positive and a negative row; ties count half. */
  readonly orderedPairs: number;
  readonly averagePrecision: number;
  /** Greatest difference of true and false positive rate, times positives × negatives. */
  readonly separation: number;
  readonly positivesInTop: number;
  readonly bestThreshold: number;
}

/** Lift is read at this share of the rows, those with the highest probabilities. */
export const LIFT_SHARE = 0.1;

const STRETCH = 1_024;

const ROW_COUNTS = new Uint16Array(STRETCH);
const ROW_WEIGHTS = new Float64Array(STRETCH);
const FACTORS = new Float32Array(STRETCH);
const PROBABILITIES = new Float32Array(STRETCH);
const LABELS = new Uint8Array(STRETCH);
const LOSSES = new Float64Array(STRETCH);
const IS_FIRST = new Uint8Array(STRETCH);
/** Weights of the runs that end in a stretch, from the top, and their places in it. */
const RUN_WEIGHTS = new Float64Array(STRETCH);
const RUN_POSITIVES = new Float64Array(STRETCH);
const RUN_PLACES = new Uint16Array(STRETCH);

const SUMS = new Float64Array(20);
const TOTAL = 0;
const POSITIVES = 1;
const TRUE_POSITIVE = 2;
const FALSE_POSITIVE = 3;
const LOSS = 4;
const SQUARED = 5;
const GAP = 6;
const ABSOLUTE_GAP = 7;
const ORDERED_PAIRS = 8;
const AVERAGE_PRECISION = 9;
const SEPARATION = 10;
const POSITIVES_IN_TOP = 11;
/** Weight of the rows above, and of the positive ones; of the run that is not over yet. */
const ABOVE = 12;
const POSITIVES_ABOVE = 13;
const TIED = 14;
const TIED_POSITIVES = 15;
const BIN_GAP = 16;
/** Worth of the best threshold as a fraction: comparing products saves a division for each row. */
const BEST_WORTH = 17;
const BEST_SCALE = 18;
const BEST_POSITION = 19;

export function passOver(rows: SortedRows, counts: RowCounts, costs: DecisionCosts | undefined): BinarySums {
  const { bins, cut, labels } = rows;
  SUMS.fill(0);
  SUMS[BEST_WORTH] = Number.NEGATIVE_INFINITY;
  SUMS[BEST_SCALE] = 1;
  SUMS[BEST_POSITION] = -1;
  for (let from = 0; from < labels.length; from += STRETCH) {
    const to = Math.min(labels.length, from + STRETCH);
    takeWeights(rows, counts, { from, to });
    addTotals(to - from);
  }
  for (let bin = bins.length - 2; bin >= 0; bin -= 1) {
    const start = bins[bin] as number;
    SUMS[BIN_GAP] = 0;
    for (let to = bins[bin + 1] as number; to > start;) {
      // The cut ends a stretch, so that decisions can be read off there.
      const from = Math.max(to > cut ? Math.max(start, cut) : start, to - STRETCH);
      takeWeights(rows, counts, { from, to });
      walk(rows, { from, to, costs });
      if (from === cut) decide();
      to = from;
    }
    const gap = SUMS[BIN_GAP] as number;
    SUMS[GAP] = (SUMS[GAP] as number) + gap;
    SUMS[ABSOLUTE_GAP] = (SUMS[ABSOLUTE_GAP] as number) + Math.abs(gap);
  }
  return readSums(rows);
}

interface Stretch {
  readonly from: number;
  readonly to: number;
}

function takeWeights({ order, labels, weights }: SortedRows, counts: RowCounts, { from, to }: Stretch): void {
  const size = to - from;
  if (order === null) ROW_COUNTS.set(counts.subarray(from, to));
  else
    for (let place = 0; place < size; place += 1) ROW_COUNTS[place] = counts[order[from + place] as number] as number;
  LABELS.set(labels.subarray(from, to));
  for (let place = 0; place < size; place += 1) ROW_WEIGHTS[place] = ROW_COUNTS[place] as number;
  if (weights === null) return;
  FACTORS.set(weights.subarray(from, to));
  for (let place = 0; place < size; place += 1)
    ROW_WEIGHTS[place] = (ROW_WEIGHTS[place] as number) * (FACTORS[place] as number);
}

function walk(rows: SortedRows, { from, to, costs }: Stretch & { readonly costs: DecisionCosts | undefined }): void {
  PROBABILITIES.set(rows.probabilities.subarray(from, to));
  LOSSES.set(rows.losses.subarray(from, to));
  IS_FIRST.set(rows.isFirst.subarray(from, to));
  addErrors(to - from);
  const runs = gatherRuns(to - from);
  findSeparation(runs);
  findThreshold(runs, from, costs);
  rank(runs);
}

/** Everything above the current position has the decision 1. */
function decide(): void {
  const positives = SUMS[POSITIVES_ABOVE] as number;
  SUMS[TRUE_POSITIVE] = positives;
  SUMS[FALSE_POSITIVE] = (SUMS[ABOVE] as number) - positives;
}

function addTotals(size: number): void {
  let total = SUMS[TOTAL] as number;
  let positives = SUMS[POSITIVES] as number;
  for (let place = 0; place < size; place += 1) {
    const weight = ROW_WEIGHTS[place] as number;
    total += weight;
    positives += weight * (LABELS[place] as number);
  }
  SUMS[TOTAL] = total;
  SUMS[POSITIVES] = positives;
}

function addErrors(size: number): void {
  let loss = SUMS[LOSS] as number;
  let squared = SUMS[SQUARED] as number;
  let gap = SUMS[BIN_GAP] as number;
  for (let place = size - 1; place >= 0; place -= 1) {
    const weight = ROW_WEIGHTS[place] as number;
    const error = (PROBABILITIES[place] as number) - (LABELS[place] as number);
    loss += weight * (LOSSES[place] as number);
    squared += weight * error * error;
    gap += weight * error;
  }
  SUMS[LOSS] = loss;
  SUMS[SQUARED] = squared;
  SUMS[BIN_GAP] = gap;
}

/** Returns the number of runs that end in the stretch. */
function gatherRuns(size: number): number {
  let tied = SUMS[TIED] as number;
  let tiedPositives = SUMS[TIED_POSITIVES] as number;
  let runs = 0;
  for (let place = size - 1; place >= 0; place -= 1) {
    const weight = ROW_WEIGHTS[place] as number;
    tied += weight;
    tiedPositives += weight * (LABELS[place] as number);
    if (IS_FIRST[place] === 0) continue;
    RUN_WEIGHTS[runs] = tied;
    RUN_POSITIVES[runs] = tiedPositives;
    RUN_PLACES[runs] = place;
    runs += 1;
    tied = 0;
    tiedPositives = 0;
  }
  SUMS[TIED] = tied;
  SUMS[TIED_POSITIVES] = tiedPositives;
  return runs;
}

function findSeparation(runs: number): void {
  const positives = SUMS[POSITIVES] as number;
  const negatives = (SUMS[TOTAL] as number) - positives;
  let above = SUMS[ABOVE] as number;
  let positivesAbove = SUMS[POSITIVES_ABOVE] as number;
  let separation = SUMS[SEPARATION] as number;
  for (let run = 0; run < runs; run += 1) {
    above += RUN_WEIGHTS[run] as number;
    positivesAbove += RUN_POSITIVES[run] as number;
    const distance = positivesAbove * negatives - (above - positivesAbove) * positives;
    if (distance > separation) separation = distance;
  }
  SUMS[SEPARATION] = separation;
}

/** The threshold with the greatest F1, or with the least cost. */
function findThreshold(runs: number, from: number, costs: DecisionCosts | undefined): void {
  const positives = SUMS[POSITIVES] as number;
  // The worth is a fraction: F1 is twice the positives above by positives + above; a cost counts as negative, by one.
  const perPositive = costs === undefined ? 1 : costs.falseNegative - costs.truePositive;
  const perNegative = costs === undefined ? 0 : costs.trueNegative - costs.falsePositive;
  const [scaleAtTop, scalePerRow] = costs === undefined ? [positives, 1] : [1, 0];
  let above = SUMS[ABOVE] as number;
  let positivesAbove = SUMS[POSITIVES_ABOVE] as number;
  let bestWorth = SUMS[BEST_WORTH] as number;
  let bestScale = SUMS[BEST_SCALE] as number;
  for (let run = 0; run < runs; run += 1) {
    above += RUN_WEIGHTS[run] as number;
    positivesAbove += RUN_POSITIVES[run] as number;
    const worth = perPositive * positivesAbove + perNegative * (above - positivesAbove);
    const scale = scaleAtTop + scalePerRow * above;
    // A run that the resample lacks is no threshold of it; asked last, since it is hard to foresee.
    if (worth * bestScale >= bestWorth * scale && (RUN_WEIGHTS[run] as number) > 0) {
      bestWorth = worth;
      bestScale = scale;
      SUMS[BEST_POSITION] = from + (RUN_PLACES[run] as number);
    }
  }
  SUMS[BEST_WORTH] = bestWorth;
  SUMS[BEST_SCALE] = bestScale;
}

/** Ordered pairs, average precision, and the positives at the top. Comes last: it moves on to the next stretch. */
function rank(runs: number): void {
  const inTop = (SUMS[TOTAL] as number) * LIFT_SHARE;
  let above = SUMS[ABOVE] as number;
  let positivesAbove = SUMS[POSITIVES_ABOVE] as number;
  let orderedPairs = SUMS[ORDERED_PAIRS] as number;
  let averagePrecision = SUMS[AVERAGE_PRECISION] as number;
  let positivesInTop = SUMS[POSITIVES_IN_TOP] as number;
  for (let run = 0; run < runs; run += 1) {
    const tied = RUN_WEIGHTS[run] as number;
    const tiedPositives = RUN_POSITIVES[run] as number;
    if (above < inTop && tied > 0) positivesInTop += tiedPositives * Math.min(1, (inTop - above) / tied);
    orderedPairs += (tied - tiedPositives) * (positivesAbove + tiedPositives / 2);
    above += tied;
    positivesAbove += tiedPositives;
    if (above > 0) averagePrecision += (tiedPositives * positivesAbove) / above;
  }
  SUMS[ABOVE] = above;
  SUMS[POSITIVES_ABOVE] = positivesAbove;
  SUMS[ORDERED_PAIRS] = orderedPairs;
  SUMS[AVERAGE_PRECISION] = averagePrecision;
  SUMS[POSITIVES_IN_TOP] = positivesInTop;
}

function readSums({ probabilities }: SortedRows): BinarySums {
  const sum = (slot: number): number => SUMS[slot] as number;
  return {
    total: sum(TOTAL),
    positives: sum(POSITIVES),
    truePositive: sum(TRUE_POSITIVE),
    falsePositive: sum(FALSE_POSITIVE),
    loss: sum(LOSS),
    squared: sum(SQUARED),
    gap: sum(GAP),
    absoluteGap: sum(ABSOLUTE_GAP),
    orderedPairs: sum(ORDERED_PAIRS),
    averagePrecision: sum(AVERAGE_PRECISION),
    separation: sum(SEPARATION),
    positivesInTop: sum(POSITIVES_IN_TOP),
    bestThreshold: probabilities[sum(BEST_POSITION)] ?? Number.NaN,
  };
}
