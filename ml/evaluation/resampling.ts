/**
 * Which rows a resample takes, and how often. Rows that share their fate (a day's weather, one customer) are drawn
 * together as blocks: an interval over single rows would be several times too narrow.
 */
import { createUniform } from '../random.js';
import type { RowCounts } from './statistic.js';

/** Above this number of rows, percentile intervals and Poisson counts; below, BCa intervals and exact draws. */
export const LARGE_SAMPLE_ROWS = 50_000;

/** Groups that the jackknife leaves out in turn, at most: each is a pass over all rows. */
const JACKKNIFE_GROUPS = 200;

/** Rows that are drawn in one call: the engine is faster with a function that it calls often. Even. */
const STRETCH = 4_096;

/** What is drawn: single rows, or whole blocks of them. */
export type SamplingUnit =
  | { readonly kind: 'row'; readonly rows: number }
  | { readonly kind: 'block'; readonly blockOf: Uint32Array; readonly blocks: number };

/** Blocks numbered in the order they come. */
export function blocksOf(values: ArrayLike<number | string>): SamplingUnit {
  const numbers = new Map<number | string, number>();
  const blockOf = Uint32Array.from({ length: values.length }, (_unused, row) => {
    const value = values[row] as number | string;
    const known = numbers.get(value);
    if (known !== undefined) return known;
    numbers.set(value, numbers.size);
    return numbers.size - 1;
  });
  return { kind: 'block', blockOf, blocks: numbers.size };
}

export function rowsOf(unit: SamplingUnit): number {
  return unit.kind === 'row' ? unit.rows : unit.blockOf.length;
}

/** Independent things that were drawn: rows, or blocks. */
export function unitsOf(unit: SamplingUnit): number {
  return unit.kind === 'row' ? unit.rows : unit.blocks;
}

/** Fills `counts` anew at each call. Same unit and seed, same draws. */
export function createResampler(unit: SamplingUnit, seed: number): (counts: RowCounts) => void {
  const uniform = createUniform(seed);
  if (unit.kind === 'block') {
    const taken = new Uint16Array(unit.blocks);
    return (counts) => {
      drawExactly(taken, uniform);
      spread(unit.blockOf, taken, counts);
    };
  }
  return unit.rows > LARGE_SAMPLE_ROWS
    ? (counts) => {
        for (let from = 0; from < counts.length; from += STRETCH)
          drawPoisson(counts.subarray(from, from + STRETCH), uniform);
      }
    : (counts) => drawExactly(counts, uniform);
}

/** As many draws with replacement as there are units. */
function drawExactly(counts: RowCounts, uniform: () => number): void {
  counts.fill(0);
  const units = counts.length;
  for (let draw = 0; draw < units; draw += 1) {
    const taken = Math.floor(uniform() * units);
    counts[taken] = (counts[taken] as number) + 1;
  }
}

function spread(blockOf: Uint32Array, taken: RowCounts, counts: RowCounts): void {
  for (let row = 0; row < blockOf.length; row += 1) counts[row] = taken[blockOf[row] as number] as number;
}

/**
 * Independent Poisson counts with mean 1: the limit of drawing n of n rows, without touching memory at random. One word
 * of 32 bits decides two rows; only where it falls on a step of the distribution function more bits are drawn.
 */
function drawPoisson(counts: RowCounts, uniform: () => number): void {
  for (let row = 0; row < counts.length; row += 2) {
    const word = Math.floor(uniform() * WORDS);
    const first = POISSON_CELLS[word & (CELLS - 1)] as number;
    const second = POISSON_CELLS[(word >>> 12) & (CELLS - 1)] as number;
    counts[row] = first === MIXED ? withinCell(word & (CELLS - 1), uniform) : first;
    if (row + 1 < counts.length)
      counts[row + 1] = second === MIXED ? withinCell((word >>> 12) & (CELLS - 1), uniform) : second;
  }
}

function withinCell(cell: number, uniform: () => number): number {
  return poissonQuantile((cell + uniform()) / CELLS);
}

const WORDS = 4_294_967_296;
const CELLS = 4_096;
/** Marks a cell that a step of the distribution function goes through. */
const MIXED = 255;
const POISSON_CELLS = Uint8Array.from({ length: CELLS }, (_unused, cell) => {
  const first = poissonQuantile(cell / CELLS);
  return first === poissonQuantile((cell + 1) / CELLS) ? first : MIXED;
});

/** The least count whose distribution function exceeds the share. */
function poissonQuantile(share: number): number {
  let probability = Math.exp(-1);
  let cumulative = probability;
  let count = 0;
  while (share >= cumulative && count < 20) {
    count += 1;
    probability /= count;
    cumulative += probability;
  }
  return count;
}

/** Groups that the jackknife leaves out in turn: single units, or 200 interleaved groups of more of them. */
export function jackknifeGroups(unit: SamplingUnit): number {
  return Math.min(unitsOf(unit), JACKKNIFE_GROUPS);
}

/** Takes every row once, but for those of one group. */
export function leaveOut(unit: SamplingUnit, group: number, counts: RowCounts): void {
  const groups = jackknifeGroups(unit);
  for (let row = 0; row < counts.length; row += 1) {
    const own = unit.kind === 'block' ? (unit.blockOf[row] as number) : row;
    counts[row] = own % groups === group ? 0 : 1;
  }
}
