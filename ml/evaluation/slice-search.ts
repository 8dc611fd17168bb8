/**
 * Looks for slices of the rows where the mean of prediction − outcome is not zero. With hundreds of slices some always
 * look bad, so the family-wise error is held by the distribution of the greatest statistic over all of them (single-step
 * max-T of Westfall and Young 1993), from resamples of whole blocks, which keep the slices' dependence.
 */
import type { SearchedSlice, SliceSearch } from '../../domain/evaluation.js';
import { MIN_BLOCKS } from '../../domain/gates.js';
import { likeliestClass, type Predictions } from './predictions.js';
import { blocksOf, createResampler, rowsOf, type SamplingUnit } from './resampling.js';
import type { Levels } from './slices.js';

/** A slice needs so many rows, and this share of all, to be looked at. */
const MIN_ROWS = 100;
const MIN_SHARE = 0.01;
/** Columns with more levels are searched alone, not in pairs. */
const MAX_PAIR_LEVELS = 12;
const MAX_SLICES = 4_000;
/** Single rows are gathered into so many blocks at random: the sums over them are what is resampled. */
const ROW_BLOCKS = 200;
const SHOWN = 10;

export interface SearchInput {
  readonly columns: readonly Levels[];
  /** Prediction − outcome of each row: see {@link residualsOf}. */
  readonly residuals: Float64Array;
  readonly weights?: Float32Array | undefined;
  readonly unit: SamplingUnit;
  readonly resamples: number;
  readonly seed: number;
}

/** What a calibrated model has none of on average: probability or value − outcome; confidence − right or wrong. */
export function residualsOf(predictions: Predictions, labels: ArrayLike<number>): Float64Array {
  return Float64Array.from({ length: labels.length }, (_unused, row) => {
    const label = labels[row] as number;
    if (predictions.task === 'regression') return (predictions.values[row] as number) - label;
    if (predictions.task === 'binary') return (predictions.probabilities[row] as number) - label;
    const width = predictions.classes.length;
    const decided = likeliestClass(predictions.probabilities, row, width);
    return (predictions.probabilities[row * width + decided] as number) - (decided === label ? 1 : 0);
  });
}

interface SliceSums {
  readonly where: SearchedSlice['where'];
  readonly rows: number;
  /** Sums of residuals and weights by block. */
  readonly residuals: Float64Array;
  readonly weights: Float64Array;
}

export function searchSlices(input: SearchInput): SliceSearch {
  const unit = blocked(input.unit);
  const slices = unit.blocks < MIN_BLOCKS ? [] : slicesOf(input, unit);
  if (slices.length === 0) return { state: 'no_evidence', searched: 0, method: 'max-t', worst: [] };
  const draws = resampleGaps(slices, { ...input, blocks: unit.blocks });
  const measured = slices.map((slice, position) => {
    const gap = gapOf(slice, null);
    const own = draws.map((values) => values[position] as number);
    return { slice, gap, standardError: deviationOf(own) };
  });
  const greatest = draws.map((values) =>
    measured.reduce((most, { gap, standardError }, position) => {
      const statistic = standardError > 0 ? Math.abs((values[position] as number) - gap) / standardError : 0;
      return Math.max(most, statistic);
    }, 0),
  );
  const worst = measured
    .map(({ slice, gap, standardError }): SearchedSlice => {
      const statistic = standardError > 0 ? Math.abs(gap) / standardError : 0;
      const asGreat = greatest.filter((value) => value >= statistic).length;
      return {
        where: slice.where,
        rows: slice.rows,
        gap,
        standardError,
        adjustedP: (1 + asGreat) / (1 + greatest.length),
      };
    })
    .sort((left, right) => left.adjustedP - right.adjustedP || Math.abs(right.gap) - Math.abs(left.gap))
    .slice(0, SHOWN);
  return { state: 'ok', searched: slices.length, method: 'max-t', worst };
}

type Blocked = Extract<SamplingUnit, { kind: 'block' }>;

function blocked(unit: SamplingUnit): Blocked {
  if (unit.kind === 'block') return unit;
  // A stride that shares no factor with the number of blocks spreads neighbours.
  const gathered = blocksOf(
    Array.from({ length: unit.rows }, (_unused, row) => (row * 77) % Math.min(ROW_BLOCKS, unit.rows)),
  );
  return gathered as Blocked;
}

/** Every level of a column, and of two columns together, with enough rows; the largest where there are too many. */
function slicesOf({ columns, residuals, weights }: SearchInput, unit: Blocked): SliceSums[] {
  const rows = rowsOf(unit);
  const minRows = Math.max(MIN_ROWS, MIN_SHARE * rows);
  const narrow = columns.filter(({ names }) => names.length <= MAX_PAIR_LEVELS);
  const pairs = narrow.flatMap((first, position) => narrow.slice(position + 1).map((second) => pairOf(first, second)));
  const groups = [...columns.map(single), ...pairs].flatMap((cells) => {
    const counts = new Uint32Array(cells.where.length);
    for (const cell of cells.cellOf) counts[cell] = (counts[cell] as number) + 1;
    return cells.where.flatMap((where, cell) =>
      (counts[cell] as number) >= minRows && (counts[cell] as number) < rows
        ? [{ cells, cell, where, rows: counts[cell] as number }]
        : [],
    );
  });
  const kept = groups.sort((left, right) => right.rows - left.rows).slice(0, MAX_SLICES);
  return kept.map(({ cells, cell, where, rows: size }) => {
    const sums = {
      where,
      rows: size,
      residuals: new Float64Array(unit.blocks),
      weights: new Float64Array(unit.blocks),
    };
    for (const [row, own] of cells.cellOf.entries()) {
      if (own !== cell) continue;
      const block = unit.blockOf[row] as number;
      const weight = weights?.[row] ?? 1;
      sums.residuals[block] = (sums.residuals[block] as number) + weight * (residuals[row] as number);
      sums.weights[block] = (sums.weights[block] as number) + weight;
    }
    return sums;
  });
}

interface Cells {
  readonly where: readonly SearchedSlice['where'][];
  readonly cellOf: Uint16Array;
}

function single({ column, names, levelOf }: Levels): Cells {
  return { where: names.map((value) => [{ column, value }]), cellOf: levelOf };
}

function pairOf(first: Levels, second: Levels): Cells {
  const width = second.names.length;
  return {
    where: first.names.flatMap((value) =>
      second.names.map((other) => [
        { column: first.column, value },
        { column: second.column, value: other },
      ]),
    ),
    cellOf: first.levelOf.map((level, row) => level * width + (second.levelOf[row] as number)),
  };
}

/** Gap of each slice in each resample of blocks. */
function resampleGaps(
  slices: readonly SliceSums[],
  { blocks, resamples, seed }: { blocks: number; resamples: number; seed: number },
): Float64Array[] {
  const resample = createResampler({ kind: 'row', rows: blocks }, seed);
  const counts = new Uint16Array(blocks);
  return Array.from({ length: resamples }, () => {
    resample(counts);
    return Float64Array.from(slices, (slice) => gapOf(slice, counts));
  });
}

/** Mean residual; a resample that has no row of the slice stands for no gap. */
function gapOf({ residuals, weights }: SliceSums, counts: Uint16Array | null): number {
  let [sum, weight] = [0, 0];
  for (let block = 0; block < residuals.length; block += 1) {
    const count = counts === null ? 1 : (counts[block] as number);
    sum += count * (residuals[block] as number);
    weight += count * (weights[block] as number);
  }
  return weight === 0 ? 0 : sum / weight;
}

function deviationOf(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
}
