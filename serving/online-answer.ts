/** The answer to a request for online features: values with status, and times, column by column. */
import type { FeatureStatus, FeatureValue } from '../domain/feature-view.js';
import type { ModelInput } from '../domain/features.js';
import { useName } from '../domain/model.js';
import type { OnlineFeature, OnlineFeaturesAnswer, OnlineViewTimes } from '../domain/online-features.js';
import { ageMsAt, valueAt, type ViewRows } from '../scoring/feature-lookup.js';
import type { OnlinePlan, PlannedFeature } from '../scoring/online-plan.js';
import type { RequestRows } from '../scoring/request-columns.js';

export interface FoundRows {
  readonly plan: OnlinePlan;
  readonly request: RequestRows;
  /** Rows by view of the plan, as they counted at `asOf`. */
  readonly views: readonly ViewRows[];
  /** By computed feature of the plan. */
  readonly computed: readonly Float32Array[];
  /** Microseconds. */
  readonly asOf: number;
  readonly source: OnlineFeaturesAnswer['source'];
  readonly staleMs: number;
}

interface Column {
  readonly values: FeatureValue[];
  readonly statuses: FeatureStatus[];
}

/** From best to worst. */
const SEVERITY: readonly FeatureStatus[] = ['PRESENT', 'NULL_VALUE', 'OUTSIDE_MAX_AGE', 'NOT_FOUND'];

export function answerOf(found: FoundRows): OnlineFeaturesAnswer {
  const { plan, request, asOf, source, staleMs } = found;
  let computed = 0;
  const features = plan.features.map((feature): OnlineFeature => {
    const { name, type } = feature;
    const column =
      feature.kind === 'computed' ? computedColumn(found, feature, (computed += 1) - 1) : plainColumn(found, feature);
    return { name, type, from: originOf(plan, feature), ...column };
  });
  return {
    asOf,
    source,
    rows: request.rows,
    ...(plan.service !== null && { featureService: plan.service }),
    features,
    views: plan.views.map((view, use) => timesOf(useName(view), found.views[use] ?? [], asOf)),
    staleMs,
  };
}

function originOf({ views }: OnlinePlan, feature: PlannedFeature): OnlineFeature['from'] {
  if (feature.kind === 'request') return { request: feature.field };
  if (feature.kind === 'computed') return { inputs: feature.inputs.map(({ name }) => name) };
  const view = views[feature.use];
  return { view: view === undefined ? '' : useName(view), feature: feature.feature };
}

type PlainFeature = { kind: 'view'; use: number; feature: string } | { kind: 'request'; field: string };

function plainColumn({ plan, views, request, asOf }: FoundRows, feature: PlainFeature): Column {
  if (feature.kind === 'request') return requestColumn(request, feature.field);
  const maxAgeMicros = plan.views[feature.use]?.maxAgeMicros ?? null;
  const ask = { feature: feature.feature, eventTs: asOf, maxAgeMicros };
  const values: FeatureValue[] = [];
  const statuses: FeatureStatus[] = [];
  for (const row of views[feature.use] ?? []) {
    const { value, status } = valueAt(row, ask);
    values.push(value);
    statuses.push(status);
  }
  return { values, statuses };
}

/** Missing numbers are NaN here and missing texts "". */
function requestColumn(request: RequestRows, field: string): Column {
  const values: FeatureValue[] = [];
  for (const value of request.columns.get(field)?.values ?? [])
    values.push(value === '' || Number.isNaN(value) ? null : value);
  return { values, statuses: values.map((value) => (value === null ? 'NULL_VALUE' : 'PRESENT')) };
}

/** What the model would see: an expression that copes with a missing input has a value all the same. */
function computedColumn(
  found: FoundRows,
  { inputs }: { readonly inputs: readonly ModelInput[] },
  index: number,
): Column {
  const { plan } = found;
  const columns = inputs.map(({ source }) => {
    if (source.kind === 'request') return plainColumn(found, { kind: 'request', field: source.column });
    const use = plan.views.findIndex((view) => useName(view) === useName(source));
    return plainColumn(found, { kind: 'view', use, feature: source.feature });
  });
  const values = Array.from(found.computed[index] ?? [], (value) => (Number.isFinite(value) ? value : null));
  const statuses = values.map((value, row) => {
    const worst = Math.max(0, ...columns.map(({ statuses: each }) => SEVERITY.indexOf(each[row] ?? 'PRESENT')));
    return value === null && worst === 0 ? 'NULL_VALUE' : (SEVERITY[worst] ?? 'PRESENT');
  });
  return { values, statuses };
}

function timesOf(view: string, rows: ViewRows, asOf: number): OnlineViewTimes {
  const there = rows.map((row) => (row === null || row.deleted ? null : row));
  return {
    view,
    eventTs: there.map((row) => row?.eventTs ?? null),
    knownTs: there.map((row) => row?.knownTs ?? null),
    ageMs: there.map((row) => ageMsAt(row, asOf)),
  };
}
