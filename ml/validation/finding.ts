/** What judging a batch rule takes and gives, and figures of profiles against bounds. */
import type { DatasetSpec } from '../../domain/dataset.js';
import type { Expectation } from '../../domain/expectations.js';
import { type ColumnProfile, type DatasetProfile, standardDeviation, valuesOf } from '../../domain/profile.js';
import type { ResultRow } from '../profile/profile-sql.js';

/** What is known of the rows when a rule is judged. */
export interface BatchFacts {
  readonly spec: DatasetSpec;
  /** Of the accepted rows. */
  readonly profile: DatasetProfile;
  /** Values of the rule's items by part. */
  readonly items: ResultRow;
  /** Of the rows that the rule's `where` chose. */
  readonly chosen: ColumnProfile | null;
  /** Failing rows of `unique`, `duplicates` and `sql`, counted exactly. */
  readonly counted: number;
  /** Of the segments of the head, oldest first. */
  readonly earlier: readonly DatasetProfile[];
  /** All of them added up, where a rule asks for it. */
  readonly head: DatasetProfile | null;
  readonly receivedTs: number | null;
  /** Columns of the source, in its order. */
  readonly found: readonly string[];
}

export interface BatchFinding {
  /** Null without evidence. */
  readonly passes: boolean | null;
  readonly rows: number;
  readonly failing: number;
  readonly observed: number | string | null;
  readonly threshold: string;
  readonly missing?: number;
  readonly previous?: number | null;
  readonly mostDifferent?: string | null;
  /** Member of the rule and the value under which it would pass. */
  readonly suggestion?: { readonly member: string; readonly from: unknown; readonly to: unknown } | null;
  /** What `observed` is, such as `mean of delay`. */
  readonly label: string;
}

/** Rows that a rule looked at. */
export function rowsOf(rule: Expectation, { items, profile }: BatchFacts): number {
  return rule.where === undefined ? profile.rows : Number(items['asked'] ?? 0);
}

export type Tracked = NonNullable<Expectation['change']>['statistic'];

/** A figure of a profile; null where it has no values. */
export function figureOf(profile: DatasetProfile, column: ColumnProfile | null, statistic: Tracked): number | null {
  if (statistic === 'rows') return profile.rows;
  if (column === null) return null;
  switch (statistic) {
    case 'mean':
    case 'min':
    case 'max':
      return column[statistic];
    case 'sum':
      return column.mean === null ? null : column.mean * valuesOf(column);
    case 'stddev':
      return standardDeviation(column);
    case 'nulls':
      return column.count === 0 ? null : column.nulls / column.count;
    case 'distinct':
      return column.distinct;
  }
}

export function columnOf(profile: DatasetProfile | undefined, name: string | undefined): ColumnProfile | null {
  return profile?.columns.find((column) => column.name === name) ?? null;
}

/** A figure against its bounds; without a figure there is no evidence. */
export function bounded(rule: {
  observed: number | null;
  min?: number | undefined;
  max?: number | undefined;
  member: string;
}): Pick<BatchFinding, 'passes' | 'observed' | 'threshold' | 'suggestion'> {
  const { observed, min, max, member } = rule;
  const parts = [...(min === undefined ? [] : [`>= ${min}`]), ...(max === undefined ? [] : [`<= ${max}`])];
  const threshold = parts.join(' and ');
  if (observed === null) return { passes: null, observed, threshold };
  const low = min !== undefined && observed < min;
  const high = max !== undefined && observed > max;
  const side = low ? 'min' : 'max';
  const suggestion = low || high ? { member: `${member}.${side}`, from: low ? min : max, to: observed } : null;
  return { passes: !low && !high, observed, threshold, suggestion };
}

/** For people: at most six digits that count. */
export function plain(figure: number): string {
  return String(Number(figure.toPrecision(6)));
}

/** Four digits after the point, to the side on which the rule passes. */
export function floorTo(share: number): number {
  return Math.floor(share * 10_000) / 10_000;
}

export function ceilTo(figure: number): number {
  return Math.ceil(figure * 10_000) / 10_000;
}
