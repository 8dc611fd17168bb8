/** Logged predictions in columns while a bucket is being filled. */
import type { LoggedTexts, PredictionBucket } from '../domain/prediction.js';
import { categoryOf } from '../domain/profile.js';
import type { ServedVector } from '../domain/served-vector.js';
import { scoreWidth, type TaskShape } from '../domain/task.js';
import { micros } from '../domain/time.js';

/** Rows of one request, columns aligned. */
export interface LoggedRows extends TaskShape {
  readonly endpoint: string;
  readonly model: string;
  readonly routeRev: number;
  readonly predictionIds: readonly string[];
  readonly eventTs: Float64Array;
  readonly version: Int32Array;
  /** Row-major, as are the shadow scores. */
  readonly scores: Float32Array;
  readonly decision: Uint16Array;
  readonly latencyMs: Float32Array;
  readonly error: Uint8Array;
  readonly shadow: Readonly<Record<string, Float32Array>>;
  readonly inputs: Readonly<Record<string, Float32Array>>;
  readonly texts?: LoggedTexts;
  /** Vectors of some of the rows, found by prediction id. */
  readonly served?: readonly ServedVector[];
}

/** Rows of one bucket at most: a document stays far below what MongoDB takes, whatever a request held. */
export const BUCKET_ROWS = 500;
/** Text inputs of one bucket at most: 256 characters each, they hold 8 MB where every character takes four bytes. */
const BUCKET_TEXTS = 16;

/** A bucket of one endpoint under one route revision that takes rows until it is full. */
export class PredictionColumns {
  readonly endpoint: string;
  readonly #model: string;
  readonly #routeRev: number;
  readonly #ids: string[] = [];
  readonly #eventTs = new Float64Array(BUCKET_ROWS);
  readonly #version = new Int32Array(BUCKET_ROWS);
  readonly #shape: TaskShape;
  readonly #width: number;
  readonly #scores: Float32Array;
  readonly #decision = new Uint16Array(BUCKET_ROWS);
  readonly #latencyMs = new Float32Array(BUCKET_ROWS);
  readonly #error = new Uint8Array(BUCKET_ROWS);
  readonly #shadow = new Map<string, Float32Array>();
  readonly #inputs = new Map<string, Float32Array>();
  readonly #texts = new Map<string, string[]>();
  readonly #served: ServedVector[] = [];
  #minEventTs = Number.MAX_SAFE_INTEGER;
  #maxEventTs = Number.MIN_SAFE_INTEGER;

  constructor({ endpoint, model, routeRev, task, classes }: Omit<LoggedRows, 'predictionIds'>) {
    this.endpoint = endpoint;
    this.#model = model;
    this.#routeRev = routeRev;
    this.#shape = { task, classes };
    this.#width = scoreWidth(this.#shape);
    this.#scores = new Float32Array(BUCKET_ROWS * this.#width);
  }

  /** Rows of another shape belong into another bucket: classes change when a version is loaded late. */
  fits({ classes }: TaskShape): boolean {
    return classes === this.#shape.classes;
  }

  get rows(): number {
    return this.#ids.length;
  }

  /** Microseconds. */
  get minEventTs(): number {
    return this.#minEventTs;
  }

  get isFull(): boolean {
    return this.#ids.length === BUCKET_ROWS;
  }

  /** Takes rows from `from` on as far as there is room; how many it took. */
  take(source: LoggedRows, from: number): number {
    const at = this.#ids.length;
    const to = Math.min(source.predictionIds.length, from + BUCKET_ROWS - at);
    for (let row = from; row < to; row += 1) {
      this.#ids.push(source.predictionIds[row] ?? '');
      const eventTs = source.eventTs[row] ?? 0;
      if (eventTs < this.#minEventTs) this.#minEventTs = eventTs;
      if (eventTs > this.#maxEventTs) this.#maxEventTs = eventTs;
    }
    const range = { from, to, at };
    copy(source.eventTs, this.#eventTs, range);
    copy(source.version, this.#version, range);
    const scores = { from: from * this.#width, to: to * this.#width, at: at * this.#width };
    copy(source.scores, this.#scores, scores);
    copy(source.decision, this.#decision, range);
    copy(source.latencyMs, this.#latencyMs, range);
    copy(source.error, this.#error, range);
    for (const name in source.shadow) copy(source.shadow[name], columnOf(this.#shadow, name, this.#width), scores);
    for (const name in source.inputs) copy(source.inputs[name], columnOf(this.#inputs, name), range);
    if (source.texts !== undefined) this.#takeTexts(source.texts, range);
    const isTaken = (row: number): boolean => row >= from && row < to;
    for (const vector of source.served ?? [])
      if (isTaken(source.predictionIds.indexOf(vector.predictionId))) this.#served.push(vector);
    return to - from;
  }

  #takeTexts(texts: LoggedTexts, { from, to, at }: Range): void {
    for (const name in texts) {
      const known = this.#texts.get(name);
      if (known === undefined && this.#texts.size === BUCKET_TEXTS) continue;
      const column = known ?? Array<string>(BUCKET_ROWS).fill('');
      this.#texts.set(name, column);
      for (let row = from; row < to; row += 1) column[row + at - from] = categoryOf(texts[name]?.[row] ?? '');
    }
  }

  seal(facts: { bucketId: string; instanceId: string; loggedTs: number }): PredictionBucket {
    const rows = this.#ids.length;
    const trim = (columns: ReadonlyMap<string, Float32Array>, width = 1): Record<string, Float32Array> =>
      Object.fromEntries([...columns].map(([name, column]) => [name, column.subarray(0, rows * width)]));
    return {
      ...facts,
      endpoint: this.endpoint,
      model: this.#model,
      routeRev: this.#routeRev,
      loggedTs: micros(facts.loggedTs),
      minEventTs: micros(this.#minEventTs),
      maxEventTs: micros(this.#maxEventTs),
      predictionIds: this.#ids,
      eventTs: this.#eventTs.subarray(0, rows),
      version: this.#version.subarray(0, rows),
      ...this.#shape,
      scores: this.#scores.subarray(0, rows * this.#width),
      decision: this.#decision.subarray(0, rows),
      latencyMs: this.#latencyMs.subarray(0, rows),
      error: this.#error.subarray(0, rows),
      shadow: trim(this.#shadow, this.#width),
      inputs: trim(this.#inputs),
      ...(this.#texts.size > 0 && {
        texts: Object.fromEntries([...this.#texts].map(([name, column]) => [name, column.slice(0, rows)])),
      }),
      ...(this.#served.length > 0 && { served: this.#served }),
    };
  }
}

interface Range {
  readonly from: number;
  readonly to: number;
  /** Position of the first row in the bucket. */
  readonly at: number;
}

type Column = Float32Array | Float64Array | Int32Array | Uint16Array | Uint8Array;

/** Element by element: most requests have one row, for which a view on the source costs more than the copy. */
function copy(source: Column | undefined, target: Column, range: Range): void {
  if (source === undefined) return;
  const shift = range.at - range.from;
  for (let row = range.from; row < range.to; row += 1) target[row + shift] = source[row] ?? Number.NaN;
}

/** Rows that have no value of a column read NaN. */
function columnOf(columns: Map<string, Float32Array>, name: string, width = 1): Float32Array {
  const known = columns.get(name);
  if (known !== undefined) return known;
  const column = new Float32Array(BUCKET_ROWS * width).fill(Number.NaN);
  columns.set(name, column);
  return column;
}
