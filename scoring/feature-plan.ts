/** From request columns and online rows to a model's input tensors. Laid out once per version, run per request. */
import type { Bundle, FrozenView } from '../domain/bundle.js';
import type { ModelInput } from '../domain/features.js';
import { useName } from '../domain/model.js';
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
  readonly view: FrozenView;
  readonly feature: string;
}

export function compileFeatureInputs(bundle: Pick<Bundle, 'plan' | 'views'>): FeatureInputs {
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

function viewInput({ name, source }: ModelInput, views: readonly FrozenView[]): ViewInput[] {
  if (source.kind !== 'view') return [];
  const view = views.find((each) => useName(each) === useName(source));
  return view === undefined ? [] : [{ name, view, feature: source.feature }];
}

function viewTensor({ view, feature }: ViewInput, { views, eventTs, rows, request }: PlannedRows): Float32Array {
  const online = views.get(readName(view)) ?? [];
  const count = rows?.length ?? request.rows;
  const values = new Float32Array(count);
  for (let position = 0; position < count; position += 1) {
    const row = rows === null ? position : (rows[position] ?? 0);
    const ask = { feature, eventTs: eventTs[row] ?? 0, maxAgeMicros: view.maxAgeMicros };
    const { value } = valueAt(online[row] ?? null, ask);
    values[position] = typeof value === 'string' || value === null ? Number.NaN : Number(value);
  }
  return values;
}
