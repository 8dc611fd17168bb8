/**
 * Profiles: what a set of rows looks like, column by column, in parts that can be added up. Edges and grids are frozen:
 * derived from the first rows seen and kept with the profile, so that later profiles of the same frame add exactly.
 */
import { z } from 'zod';
import { ColumnType } from './dataset.js';

const count = z.number().int().nonnegative();

/** Longest list of categories that is counted exactly; beyond it the rarest go to `other`. */
export const CATEGORY_CAP = 1_000;
/** Categories are compared by their first characters. */
export const CATEGORY_LENGTH = 256;
/** Registers of the distinct sketch: standard error 1.04 / √1024 = 3.3 %. */
export const DISTINCT_REGISTERS = 1_024;

/** Moments are sums of whole grid steps: s = (value − pivot) / 2^exponent, counted in units of 2^−52. */
export const MomentGrid = z.strictObject({ pivot: z.number(), exponent: z.number().int() });
export type MomentGrid = z.infer<typeof MomentGrid>;

/** What must stay the same for two profiles of a column to add exactly. */
export const ColumnFrame = z.strictObject({
  /** Inner edges, ascending; bins are (−∞, e0], (e0, e1], …, (ek, ∞). Empty for text. */
  edges: z.array(z.number()),
  grid: MomentGrid.nullable(),
  /** The only categories that are counted one by one; null counts all up to {@link CATEGORY_CAP}. */
  categories: z.array(z.string()).nullable(),
});
export type ColumnFrame = z.infer<typeof ColumnFrame>;

/** Counts of bins with frozen edges. */
export const BinCounts = z.strictObject({ edges: z.array(z.number()), counts: z.array(count) });
export type BinCounts = z.infer<typeof BinCounts>;

export const ExactMoments = z.strictObject({
  grid: MomentGrid,
  /** Sums of grid steps and of their squares, as whole numbers of any length. */
  sum: z.string().regex(/^-?\d+$/),
  squares: z.string().regex(/^\d+$/),
});
export type ExactMoments = z.infer<typeof ExactMoments>;

export const CategoryCounts = z.strictObject({
  /** By count, then by text. */
  values: z.array(z.strictObject({ value: z.string(), count })),
  /** Rows of all other values; 0 means that the list is complete. */
  other: count,
  /** True where the list was given by the frame. */
  frozen: z.boolean(),
});
export type CategoryCounts = z.infer<typeof CategoryCounts>;

export const ColumnProfile = z.strictObject({
  name: z.string(),
  type: ColumnType,
  /** Rows, those without a value included. */
  count,
  /** Rows without a value; NaN is how data frames write that, so NaN is one of them. */
  nulls: count,
  nans: count,
  /** Infinite numbers: they have a value, but take no part in the figures below. */
  infinities: count,
  /** Numbers, booleans (0 and 1) and times (microseconds); null for text or without values. */
  min: z.number().nullable(),
  max: z.number().nullable(),
  mean: z.number().nullable(),
  /** Sum of squared distances from the mean; divide by the number of values for the variance of the population. */
  m2: z.number().nullable(),
  /** Null after a merge of different grids, which adds `mean` and `m2` in floating point instead. */
  exact: ExactMoments.nullable(),
  /** Null for text, and after a merge of different edges. */
  histogram: BinCounts.nullable(),
  /** Null for all but text. */
  categories: CategoryCounts.nullable(),
  /** Lengths of texts in characters. */
  lengths: BinCounts.nullable(),
  /** HyperLogLog over 64-bit hashes, one character a register (its value + 48). */
  distinctSketch: z.string().length(DISTINCT_REGISTERS),
  /** Estimate of that sketch, a few percent off. */
  distinct: count,
});
export type ColumnProfile = z.infer<typeof ColumnProfile>;

export const DatasetProfile = z.strictObject({
  rows: count,
  /** Microseconds; null without rows. */
  firstEventTs: z.number().int().nullable(),
  lastEventTs: z.number().int().nullable(),
  /** From event to knowledge, microseconds; null where neither data nor caller say when rows were known. */
  ingestLag: BinCounts.nullable(),
  columns: z.array(ColumnProfile),
});
export type DatasetProfile = z.infer<typeof DatasetProfile>;

export function standardDeviation(column: ColumnProfile): number | null {
  const values = valuesOf(column);
  return column.m2 === null || values === 0 ? null : Math.sqrt(column.m2 / values);
}

/** Rows with a finite value. */
export function valuesOf({ count: rows, nulls, infinities }: ColumnProfile): number {
  return rows - nulls - infinities;
}

/** The frame that makes later profiles add exactly to this one. */
export function frameOf(column: ColumnProfile): ColumnFrame {
  const { histogram, exact, categories } = column;
  const frozen = categories !== null && (categories.frozen || categories.other > 0);
  return {
    edges: histogram?.edges ?? [],
    grid: exact?.grid ?? null,
    categories: frozen ? categories.values.map(({ value }) => value) : null,
  };
}

/** The same with nothing left open: only categories of this profile are counted one by one. */
export function frozenFrameOf(column: ColumnProfile): ColumnFrame {
  return { ...frameOf(column), categories: column.categories?.values.map(({ value }) => value) ?? null };
}

export function totalOf({ counts }: BinCounts): number {
  return counts.reduce((sum, each) => sum + each, 0);
}

/** What a text counts as. */
export function categoryOf(text: string): string {
  return text.length <= CATEGORY_LENGTH
    ? text
    : Array.from(text.slice(0, 2 * CATEGORY_LENGTH))
        .slice(0, CATEGORY_LENGTH)
        .join('');
}

/** Sorts, and moves the rarest beyond the cap to `other`; a frozen list keeps its members. */
export function capCategories(
  counts: ReadonlyMap<string, number>,
  { other, frozen }: { other: number; frozen: boolean },
): CategoryCounts {
  const sorted = [...counts].map(([value, count]) => ({ value, count })).sort(byCount);
  const kept = frozen ? sorted : sorted.slice(0, CATEGORY_CAP);
  const rest = sorted.slice(kept.length).reduce((sum, { count }) => sum + count, 0);
  return { values: kept, other: other + rest, frozen };
}

/** By code units, as SQL's binary collation orders ASCII; ties beyond it are only cut differently, never counted so. */
function byCount(left: { value: string; count: number }, right: { value: string; count: number }): number {
  if (left.count !== right.count) return right.count - left.count;
  return left.value < right.value ? -1 : left.value > right.value ? 1 : 0;
}
