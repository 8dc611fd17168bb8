/** Adds profiles of separate rows. Pure, and associative where frames agree; see `profile.ts` for what may differ. */
import { estimateDistinct, mergeRegisters, readRegisters, writeRegisters } from './distinct-sketch.js';
import { readMoments, sameGrid } from './moments.js';
import {
  type BinCounts,
  capCategories,
  type CategoryCounts,
  type ColumnProfile,
  type DatasetProfile,
  totalOf,
  valuesOf,
} from './profile.js';

/** Columns are matched by name; one that only one side has is taken over, its rows on the other side count as null. */
export function mergeProfiles(left: DatasetProfile, right: DatasetProfile): DatasetProfile {
  const names = [...new Set([...left.columns, ...right.columns].map(({ name }) => name))];
  return {
    rows: left.rows + right.rows,
    firstEventTs: least(left.firstEventTs, right.firstEventTs),
    lastEventTs: greatest(left.lastEventTs, right.lastEventTs),
    ingestLag: mergeBins(left.ingestLag, right.ingestLag),
    columns: names.map((name) => {
      const [first, second] = [columnOf(left, name), columnOf(right, name)];
      if (first === undefined) return withNulls(second, left.rows);
      return second === undefined ? withNulls(first, right.rows) : mergeColumns(first, second);
    }),
  };
}

function columnOf(profile: DatasetProfile, name: string): ColumnProfile | undefined {
  return profile.columns.find((column) => column.name === name);
}

function withNulls(column: ColumnProfile | undefined, rows: number): ColumnProfile {
  if (column === undefined) throw new RangeError('a column is in neither profile');
  return { ...column, count: column.count + rows, nulls: column.nulls + rows };
}

/** Throws RangeError for columns of different types. */
export function mergeColumns(left: ColumnProfile, right: ColumnProfile): ColumnProfile {
  if (left.type !== right.type) throw new RangeError(`${left.name}: ${left.type} and ${right.type} cannot be merged`);
  const registers = mergeRegisters(readRegisters(left.distinctSketch), readRegisters(right.distinctSketch));
  return {
    name: left.name,
    type: left.type,
    count: left.count + right.count,
    nulls: left.nulls + right.nulls,
    nans: left.nans + right.nans,
    infinities: left.infinities + right.infinities,
    min: least(left.min, right.min),
    max: greatest(left.max, right.max),
    ...mergeMoments(left, right),
    histogram: mergeBins(left.histogram, right.histogram),
    categories:
      left.categories === null || right.categories === null ? null : mergeCategories(left.categories, right.categories),
    lengths: mergeBins(left.lengths, right.lengths),
    distinctSketch: writeRegisters(registers),
    distinct: estimateDistinct(registers),
  };
}

type Moments = Pick<ColumnProfile, 'mean' | 'm2' | 'exact'>;

/** Whole numbers on one grid; otherwise Chan, Golub and LeVeque 1979. */
function mergeMoments(left: ColumnProfile, right: ColumnProfile): Moments {
  const [n, m] = [valuesOf(left), valuesOf(right)];
  if (n === 0 || left.mean === null) return momentsOf(right);
  if (m === 0 || right.mean === null) return momentsOf(left);
  if (left.exact !== null && right.exact !== null && sameGrid(left.exact.grid, right.exact.grid)) {
    const sum = String(BigInt(left.exact.sum) + BigInt(right.exact.sum));
    const squares = String(BigInt(left.exact.squares) + BigInt(right.exact.squares));
    const exact = { grid: left.exact.grid, sum, squares };
    return { ...readMoments(exact, n + m), exact };
  }
  const delta = right.mean - left.mean;
  const mean = left.mean + (delta * m) / (n + m);
  const m2 = left.m2 === null || right.m2 === null ? null : left.m2 + right.m2 + (delta * delta * n * m) / (n + m);
  return { mean, m2, exact: null };
}

function momentsOf({ mean, m2, exact }: ColumnProfile): Moments {
  return { mean, m2, exact };
}

function least(left: number | null, right: number | null): number | null {
  if (left === null || right === null) return left ?? right;
  return Math.min(left, right);
}

function greatest(left: number | null, right: number | null): number | null {
  if (left === null || right === null) return left ?? right;
  return Math.max(left, right);
}

/** Null where the edges differ, unless one of them counts nothing. */
export function mergeBins(left: BinCounts | null, right: BinCounts | null): BinCounts | null {
  if (left === null || right === null) return null;
  if (totalOf(left) === 0) return right;
  if (totalOf(right) === 0) return left;
  const same =
    left.edges.length === right.edges.length && left.edges.every((edge, index) => edge === right.edges[index]);
  if (!same) return null;
  return { edges: left.edges, counts: left.counts.map((each, bin) => each + (right.counts[bin] ?? 0)) };
}

/** Exact while both lists are complete, or frozen alike; otherwise counts of the listed values are lower bounds. */
export function mergeCategories(left: CategoryCounts, right: CategoryCounts): CategoryCounts {
  const counts = new Map(left.values.map(({ value, count }) => [value, count]));
  for (const { value, count } of right.values) counts.set(value, (counts.get(value) ?? 0) + count);
  return capCategories(counts, { other: left.other + right.other, frozen: left.frozen && right.frozen });
}
