/** What a search for runs asks: conditions that all hold, an order, and the page. */
import type { LifecycleStage } from '../tracking.js';

/** Attributes of a run as the search language knows them. */
export const RUN_ATTRIBUTES = [
  'run_id',
  'run_name',
  'status',
  'user_id',
  'artifact_uri',
  'start_time',
  'end_time',
] as const;
export type RunAttribute = (typeof RUN_ATTRIBUTES)[number];

export const DATASET_FIELDS = ['name', 'digest', 'context'] as const;
export type DatasetField = (typeof DATASET_FIELDS)[number];

export type RunField =
  | { readonly kind: 'metric' | 'param' | 'tag'; readonly key: string }
  | { readonly kind: 'attribute'; readonly key: RunAttribute }
  | { readonly kind: 'dataset'; readonly key: DatasetField };

export type ComparisonOperator = '=' | '!=' | '>' | '>=' | '<' | '<=';

/**
 * A run without the field fulfils no condition on it, `!=` included. Times are milliseconds, as they are written; NaN
 * fulfils `!=` alone.
 */
export type RunCondition = { readonly field: RunField } & (
  | { readonly operator: ComparisonOperator; readonly value: number | string }
  | { readonly operator: 'LIKE' | 'ILIKE'; readonly value: string }
  | { readonly operator: 'IN' | 'NOT IN'; readonly value: readonly string[] }
);

/** Runs without the field come last in both directions, after those whose metric is NaN. */
export interface RunOrder {
  readonly field: RunField;
  readonly descending: boolean;
}

export interface RunSearch {
  /** Empty: of all experiments. */
  readonly experimentIds: readonly string[];
  readonly conditions: readonly RunCondition[];
  /** Ties, and searches without an order, are ordered by start, newest first, then by id. */
  readonly order: readonly RunOrder[];
  /** Null: both. */
  readonly lifecycle: LifecycleStage | null;
  readonly limit: number;
  /** `next` of the page before; null for the first. */
  readonly after: string | null;
}

/** True for the fields that hold numbers; all others hold text. */
export function isNumeric({ kind, key }: RunField): boolean {
  return kind === 'metric' || (kind === 'attribute' && (key === 'start_time' || key === 'end_time'));
}
