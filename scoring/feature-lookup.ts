/** Online features of request rows: one read per view, the same rules of time and age as the offline join. */
import type { FrozenView } from '../domain/bundle.js';
import type { EntityKey, FeatureStatus, FeatureValue } from '../domain/feature-view.js';
import { type OnlineRow, onlineKey } from '../store/contracts/features.js';
import type { RequestRows } from './request-columns.js';

export interface LookedUpValue {
  readonly status: FeatureStatus;
  /** Null unless PRESENT. */
  readonly value: FeatureValue;
}

/** Online rows of one view, by row of the request; null where the entity is unknown. */
export type ViewRows = readonly (OnlineRow | null)[];

/** Rows of a view by key; only the features of the view are needed. */
export type ViewReader = (view: FrozenView, keys: readonly string[]) => Promise<ReadonlyMap<string, OnlineRow>>;

/** Views of several versions are read once each. The map is keyed by {@link readName}. */
export async function lookUpViews(
  read: ViewReader,
  views: readonly FrozenView[],
  request: RequestRows,
): Promise<ReadonlyMap<string, ViewRows>> {
  const distinct = new Map<string, FrozenView>();
  for (const view of views) {
    const features = new Set([...(distinct.get(readName(view))?.features ?? []), ...view.features]);
    distinct.set(readName(view), { ...view, features: [...features] });
  }
  const entries = await Promise.all(
    [...distinct].map(async ([name, view]) => [name, await readView(read, view, request)] as const),
  );
  return new Map(entries);
}

/** What tells two reads of a view apart: the revision that was frozen, and the request fields that carry its keys. */
export function readName({ view, revision, keys }: Pick<FrozenView, 'view' | 'revision' | 'keys'>): string {
  return [view, revision, ...keys.map(({ request }) => request)].join('/');
}

async function readView(read: ViewReader, view: FrozenView, request: RequestRows): Promise<ViewRows> {
  const parts = view.keys.map(({ type, request: field }) => ({ type, values: request.columns.get(field)?.values }));
  const keys = Array.from({ length: request.rows }, (_unused, row) => {
    const values = parts.map(({ type, values: column }) => keyValue(type, column?.[row] ?? ''));
    return values.includes(null) ? null : onlineKey(values.filter((value) => value !== null));
  });
  const found = await read(view, [...new Set(keys.filter((key) => key !== null))]);
  return keys.map((key) => (key === null ? null : (found.get(key) ?? null)));
}

/**
 * A key part in the type of its entity, so that "5" and 5 are the same airport to a string key and the same order to an
 * integer key. Null for what can be no key: fractions, texts that are no integer, and numbers of which JSON kept only
 * the leading digits, which would be somebody else's key.
 */
export function keyValue(type: EntityKey['type'], value: string | number): string | number | null {
  if (typeof value === 'string' && type === 'string') return value;
  if (typeof value === 'string' && !/^-?\d+$/.test(value)) return null;
  const whole = Number(value);
  if (!Number.isSafeInteger(whole)) return null;
  return type === 'string' ? String(whole) : whole;
}

/** A row counts from its own event time on, and until it is older than the view allows: exactly as in training. A tombstone is no row. */
export function valueAt(
  row: OnlineRow | null,
  ask: { readonly feature: string; readonly eventTs: number; readonly maxAgeMicros: number | null },
): LookedUpValue {
  if (row === null || row.deleted || row.eventTs > ask.eventTs) return { status: 'NOT_FOUND', value: null };
  if (ask.maxAgeMicros !== null && row.eventTs < ask.eventTs - ask.maxAgeMicros)
    return { status: 'OUTSIDE_MAX_AGE', value: null };
  const value = row.values[ask.feature];
  return value === null || value === undefined ? { status: 'NULL_VALUE', value: null } : { status: 'PRESENT', value };
}

/** How old a row is at a time, milliseconds; null where there is no row yet. */
export function ageMsAt(row: OnlineRow | null, eventTs: number): number | null {
  return row === null || row.deleted || row.eventTs > eventTs ? null : (eventTs - row.eventTs) / 1_000;
}
