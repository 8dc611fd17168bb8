/** Scores the rows of a request with the versions they were routed to. */
import { DomainError } from '../domain/errors.js';
import type { LoggedTexts } from '../domain/prediction.js';
import type { ServedVector } from '../domain/served-vector.js';
import { scoreWidth } from '../domain/task.js';
import type { LoadedVersion } from '../scoring/loaded-version.js';
import { decisionsOf, inShape } from '../scoring/task-scores.js';
import type { RoutedRows } from './routed-rows.js';
import { sampleVectors } from './served-vectors.js';

export interface ScoredRows {
  /** Row-major, in the shape of the request. */
  readonly scores: Float32Array;
  /** FP32 inputs by name, as the models saw them; NaN where a row's version has no such input. */
  readonly inputs: Readonly<Record<string, Float32Array>>;
  /** BYTES inputs by name; "" where a row's version has no such input. */
  readonly texts: LoggedTexts;
  /** Feature vectors of sampled rows. */
  readonly served: readonly ServedVector[];
}

/** Throws `PRN_INFERENCE_FAILED` naming the version that could not score its rows, or gave something that is no number. */
export async function scoreRows(routed: RoutedRows): Promise<ScoredRows> {
  const { live, version } = routed;
  const numbers = [...new Set(version)];
  const scored = await Promise.allSettled(
    numbers.map(async (number) => {
      const loaded = live.versions.get(number);
      if (loaded === undefined) throw new DomainError('PRN_ENDPOINT_NOT_READY', { endpoint: live.endpoint });
      return scorePart(routed, loaded, numbers.length === 1 ? null : rowsWhere(version, (each) => each === number));
    }),
  );
  // Only now, when no version is running any more, may an error end the request and free its versions.
  const parts = scored.map((part) => {
    if (part.status === 'rejected') throw part.reason;
    return part.value;
  });
  const [first] = parts;
  return first !== undefined && parts.length === 1 ? first.scored : joinParts(parts, routed);
}

interface Part {
  readonly rows: readonly number[] | null;
  readonly scored: ScoredRows;
}

async function scorePart(routed: RoutedRows, loaded: LoadedVersion, rows: readonly number[] | null): Promise<Part> {
  const { request, live, shape } = routed;
  const fail = (problem: string, cause?: unknown): DomainError =>
    new DomainError('PRN_INFERENCE_FAILED', { endpoint: live.endpoint, version: loaded.version, problem }, { cause });
  const feeds = loaded.features.assemble({ ...routed, rows });
  const own = await loaded.score(feeds, rows?.length ?? request.rows).catch((error: unknown) => {
    throw fail('the model refused its inputs', error);
  });
  if (!own.every(Number.isFinite)) throw fail('the model answered with something that is no number');
  if (loaded.bundle.task !== shape.task) throw fail(`its task is ${loaded.bundle.task}, that of others ${shape.task}`);
  const inputs: Record<string, Float32Array> = {};
  const texts: Record<string, readonly string[]> = {};
  for (const name in feeds) {
    const data = feeds[name];
    if (data instanceof Float32Array) inputs[name] = data;
    else if (isText(data)) texts[name] = data;
  }
  const scores = inShape(own, loaded.bundle, shape);
  return { rows, scored: { scores, inputs, texts, served: sampleVectors(routed, loaded, { rows, feeds }) } };
}

function joinParts(parts: readonly Part[], { request: { rows }, shape }: RoutedRows): ScoredRows {
  const scores = new Float32Array(rows * scoreWidth(shape));
  const inputs: Record<string, Float32Array> = {};
  const texts: Record<string, string[]> = {};
  for (const { rows: positions, scored } of parts) {
    scatter(scored.scores, positions ?? [], scores);
    for (const [name, column] of Object.entries(scored.inputs))
      scatter(column, positions ?? [], (inputs[name] ??= new Float32Array(rows).fill(Number.NaN)));
    for (const [name, column] of Object.entries(scored.texts)) {
      const target = (texts[name] ??= Array<string>(rows).fill(''));
      for (const [index, row] of (positions ?? []).entries()) target[row] = column[index] ?? '';
    }
  }
  return { scores, inputs, texts, served: parts.flatMap(({ scored }) => scored.served) };
}

function isText(data: unknown): data is readonly string[] {
  return Array.isArray(data);
}

/** Puts values back at the rows they belong to, as many each as there are for a position. */
export function scatter(values: Float32Array, positions: readonly number[], target: Float32Array): void {
  const width = values.length / positions.length;
  for (const [index, row] of positions.entries())
    for (let column = 0; column < width; column += 1)
      target[row * width + column] = values[index * width + column] ?? Number.NaN;
}

export function rowsWhere(version: Int32Array, holds: (version: number) => boolean): number[] {
  const rows: number[] = [];
  for (const [row, each] of version.entries()) if (holds(each)) rows.push(row);
  return rows;
}

/** Decisions at each version's frozen threshold; see `decisionsOf`. */
export function decide({ live, version, shape }: RoutedRows, scores: Float32Array): Uint16Array {
  return decisionsOf(scores, shape, (row) => live.versions.get(version[row] ?? 0)?.bundle.decisionThreshold ?? 1);
}
