/** Online features of request rows: one read per view, the same rules of time and age as the offline join. */
import type { Bundle, FrozenView } from '../domain/bundle.js';
import type { FeatureStatus } from '../domain/feature-view.js';
import { type FeatureStore, type OnlineRow, onlineKey } from '../store/contracts/features.js';
import type { RequestRows } from './request-columns.js';

export interface LookedUpValue {
  readonly status: FeatureStatus;
  /** NaN unless PRESENT. */
  readonly value: number;
}

/** Online rows of one view, by row of the request; null where the entity is unknown. */
export type ViewRows = readonly (OnlineRow | null)[];

/** Views of several versions are read once each. The map is keyed by view name. */
export async function lookUpViews(
  features: FeatureStore,
  views: readonly FrozenView[],
  request: RequestRows,
): Promise<ReadonlyMap<string, ViewRows>> {
  const distinct = new Map(views.map((view) => [view.view, view]));
  const entries = await Promise.all(
    [...distinct.values()].map(async (view) => [view.view, await readView(features, view, request)] as const),
  );
  return new Map(entries);
}

async function readView(features: FeatureStore, view: FrozenView, request: RequestRows): Promise<ViewRows> {
  const columns = view.keys.map(({ request: field }) => request.columns.get(field)?.values ?? []);
  const keys = Array.from({ length: request.rows }, (_unused, row) =>
    onlineKey(columns.map((values) => values[row] ?? '')),
  );
  const found = await features.readOnline(view.view, [...new Set(keys)]);
  return keys.map((key) => found.get(key) ?? null);
}

/** A row counts from its own event time on, and until it is older than the view allows: exactly as in training. */
export function valueAt(
  row: OnlineRow | null,
  ask: { readonly feature: string; readonly eventTs: number; readonly maxAgeMicros: number | null },
): LookedUpValue {
  if (row === null || row.eventTs > ask.eventTs) return { status: 'NOT_FOUND', value: Number.NaN };
  if (ask.maxAgeMicros !== null && row.eventTs < ask.eventTs - ask.maxAgeMicros)
    return { status: 'OUTSIDE_MAX_AGE', value: Number.NaN };
  const value = row.values[ask.feature];
  return value === null || value === undefined
    ? { status: 'NULL_VALUE', value: Number.NaN }
    : { status: 'PRESENT', value };
}

/** Tensor of one view feature for the given rows. */
export function viewTensor(
  bundle: Bundle,
  source: { readonly view: string; readonly feature: string },
  ask: { readonly viewRows: ViewRows; readonly eventTs: Float64Array; readonly rows: readonly number[] },
): Float32Array {
  const maxAgeMicros = bundle.views.find(({ view }) => view === source.view)?.maxAgeMicros ?? null;
  return Float32Array.from(
    ask.rows,
    (row) =>
      valueAt(ask.viewRows[row] ?? null, { feature: source.feature, eventTs: ask.eventTs[row] ?? 0, maxAgeMicros })
        .value,
  );
}
