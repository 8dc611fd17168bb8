/** From request columns and online rows to a model's input tensors. Laid out once per version, run per request. */
import type { FrozenView } from '../domain/bundle.js';
import type { FeatureValue } from '../domain/feature-view.js';
import type { FeaturePlan, ModelInput } from '../domain/features.js';
import { useName } from '../domain/model.js';
import { MISSING_TIME } from '../domain/time.js';
import type { TensorData } from '../ml/onnx/session.js';
import { readName, valueAt, type ViewRows } from './feature-lookup.js';
import { type RequestRows, toTensorData } from './request-columns.js';

/** Aligned input tensors by name, each of as many values as there are rows. */
export type Feeds = Readonly<Record<string, TensorData>>;

export interface PlannedRows {
  readonly request: RequestRows;
  /** Online rows by use of a view, as `lookUpViews` gives them. */
  readonly views: ReadonlyMap<string, ViewRows>;
  /** Microseconds, by row of the request: the moment at which features are read. */
  readonly eventTs: Float64Array;
  /** Rows to assemble, in order; null for all. */
  readonly rows: readonly number[] | null;
}

export interface FeatureInputs {
  /** Views that must be looked up for a request: those with a feature that the request does not override. */
  viewsFor(request: RequestRows): readonly FrozenView[];
  /** An input whose request field is missing is left out; the session then refuses to run. */
  assemble(rows: PlannedRows): Feeds;
}

interface ViewInput {
  readonly name: string;
  readonly datatype: ModelInput['datatype'];
  readonly view: FrozenView;
  readonly feature: string;
}

export function compileFeatureInputs(bundle: {
  readonly plan: FeaturePlan;
  readonly views: readonly FrozenView[];
}): FeatureInputs {
  const { inputs } = bundle.plan;
  const fromRequest = inputs.flatMap(({ name, source }) =>
    source.kind === 'request' ? [{ name, column: source.column }] : [],
  );
  const fromViews = inputs.flatMap((input) => viewInput(input, bundle.views));
  return {
    viewsFor(request) {
      if (fromViews.length === 0) return [];
      const missing = fromViews.filter(({ name }) => !request.columns.has(name));
      return [...new Set(missing.map(({ view }) => view))];
    },
    assemble(planned) {
      const { request, rows } = planned;
      const feeds: Record<string, TensorData> = {};
      for (const { name, column } of fromRequest) {
        const sent = request.columns.get(column);
        if (sent !== undefined) feeds[name] = toTensorData(sent, rows);
      }
      for (const input of fromViews) {
        const override = request.columns.get(input.name);
        feeds[input.name] = override === undefined ? viewTensor(input, planned) : toTensorData(override, rows);
      }
      return feeds;
    },
  };
}

function viewInput({ name, datatype, source }: ModelInput, views: readonly FrozenView[]): ViewInput[] {
  if (source.kind !== 'view') return [];
  const view = views.find((each) => useName(each) === useName(source));
  return view === undefined ? [] : [{ name, datatype, view, feature: source.feature }];
}

function viewTensor({ datatype, view, feature }: ViewInput, planned: PlannedRows): TensorData {
  const { views, eventTs, rows, request } = planned;
  const online = views.get(readName(view)) ?? [];
  const values = Array.from({ length: rows?.length ?? request.rows }, (_unused, position): FeatureValue => {
    const row = rows === null ? position : (rows[position] ?? 0);
    return valueAt(online[row] ?? null, { feature, eventTs: eventTs[row] ?? 0, maxAgeMicros: view.maxAgeMicros }).value;
  });
  return featureTensor(datatype, values);
}

/** Missing values are NaN, "" and {@link MISSING_TIME}. */
function featureTensor(datatype: ModelInput['datatype'], values: readonly FeatureValue[]): TensorData {
  if (datatype === 'BYTES') return values.map((value) => (value === null ? '' : String(value)));
  if (datatype === 'INT64') return BigInt64Array.from(values, (value) => BigInt(Number(value ?? MISSING_TIME)));
  return Float32Array.from(values, (value) => (value === null ? Number.NaN : Number(value)));
}
