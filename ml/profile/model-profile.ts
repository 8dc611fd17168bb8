/** Profiles of model inputs and predictions by one code, wherever the rows come from: training, holdout, serving. */
import type { ModelInput } from '../../domain/features.js';
import type { ModelProfile } from '../../domain/model-profile.js';
import { categoryOf, type ColumnProfile, frozenFrameOf } from '../../domain/profile.js';
import { MISSING_TIME } from '../../domain/time.js';
import type { TensorData } from '../onnx/session.js';
import { binsOf, freezeEdges, LAG_EDGES } from './bins.js';
import { profileNumbers, profileNumbersInFrame, profileTexts } from './profile-values.js';

/** Bins of equal mass over the rows that a frame is frozen from: what PSI is usually taken over. */
const FROZEN_BINS = 10;

/** A column as a graph gets it; plain arrays as the log keeps them. */
export type ModelColumnData = TensorData | ArrayLike<number>;

export interface ProfiledRows {
  readonly inputs: readonly { readonly name: string; readonly data: ModelColumnData }[];
  /** Microseconds. */
  readonly eventTs: ArrayLike<number>;
  /** From event to log, microseconds; null for rows that were never logged. */
  readonly lags: ArrayLike<number> | null;
  /** Numbers, or the names of classes. */
  readonly predictions: ModelColumnData;
}

const COLUMN_TYPES = { FP32: 'float', INT64: 'timestamp', BYTES: 'string' } as const;

/** Profile of training rows; its edges, grids and categories are those that later windows are counted in. */
export function profileReference(rows: ProfiledRows, inputs: readonly ModelInput[]): ModelProfile {
  const datatypes = new Map(inputs.map(({ name, datatype }) => [name, datatype]));
  const columns = rows.inputs.flatMap(({ name, data }) => {
    const datatype = datatypes.get(name);
    return datatype === undefined ? [] : [profileFresh({ name, type: COLUMN_TYPES[datatype] }, data)];
  });
  return { inputs: { ...timesOf(rows), columns }, prediction: profilePredictions(rows.predictions) };
}

/** Profile of predictions with edges of their own. */
export function profilePredictions(predictions: ModelColumnData): ColumnProfile {
  return profileFresh({ name: 'prediction', type: isText(predictions) ? 'string' : 'float' }, predictions);
}

/** Profile in the frames of a reference, of the inputs that it knows. */
export function profileAgainst(rows: ProfiledRows, reference: ModelProfile): ModelProfile {
  const columns = reference.inputs.columns.flatMap((column) => {
    const found = rows.inputs.find(({ name }) => name === column.name);
    return found === undefined ? [] : [profileFramed(column, found.data)];
  });
  return {
    inputs: { ...timesOf(rows), columns },
    prediction: profileFramed(reference.prediction, rows.predictions),
  };
}

type NamedColumn = Pick<ColumnProfile, 'name' | 'type'>;

function profileFresh({ name, type }: NamedColumn, data: ModelColumnData): ColumnProfile {
  if (type === 'string') return profileTexts(name, textsOf(data));
  const values = numbersOf(data);
  const edges = freezeEdges(values, FROZEN_BINS);
  return profileNumbers({ name, type }, values, { edges, grid: null, categories: null });
}

function profileFramed(reference: ColumnProfile, data: ModelColumnData): ColumnProfile {
  const { name, type } = reference;
  const frame = frozenFrameOf(reference);
  if (type === 'string') return profileTexts(name, textsOf(data), frame);
  return profileNumbersInFrame({ name, type }, numbersOf(data), frame);
}

/** The reserved time means missing; so does text where numbers belong. */
function numbersOf(data: ModelColumnData): ArrayLike<number> {
  if (data instanceof BigInt64Array)
    return Float64Array.from(data, (time) => (time === BigInt(MISSING_TIME) ? Number.NaN : Number(time)));
  return isText(data) ? new Float64Array(data.length).fill(Number.NaN) : data;
}

/** The empty text means missing; the others as the log keeps them, so that all rows are profiled alike. */
function textsOf(data: ModelColumnData): (string | null)[] {
  return isText(data)
    ? data.map((text) => (text === '' ? null : categoryOf(text)))
    : Array<null>(data.length).fill(null);
}

function isText(data: ModelColumnData): data is readonly string[] {
  return typeof data[0] === 'string';
}

function timesOf({ eventTs, lags }: ProfiledRows): Omit<ModelProfile['inputs'], 'columns'> {
  const rows = eventTs.length;
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let row = 0; row < rows; row += 1) {
    first = Math.min(first, eventTs[row] ?? first);
    last = Math.max(last, eventTs[row] ?? last);
  }
  const [firstEventTs, lastEventTs] = rows === 0 ? [null, null] : [first, last];
  return { rows, firstEventTs, lastEventTs, ingestLag: lags === null ? null : binsOf(lags, LAG_EDGES) };
}
