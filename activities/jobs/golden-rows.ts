/** Golden rows: a few rows with the answers of training, by which serving proves that it computes the same. */
import type { GoldenRows, RequestField } from '../../domain/bundle.js';
import type { FeaturePlan } from '../../domain/features.js';
import { scoreWidth } from '../../domain/task.js';
import type { TensorData } from '../../ml/onnx/session.js';
import type { JobContext } from './context.js';
import { isMissing, type ModelRows, takeRows } from './model-rows.js';
import { type RunnableModel, scoreModel } from './model-scoring.js';

const GOLDEN_ROWS = 64;
/** Of these, so many with a missing value where the data has them. */
const ROWS_WITH_MISSING = 8;

type Values = (number | string | null)[];

/**
 * Rows spread evenly over the given parts in order of preference (holdout before training rows), some with missing
 * values, and the scores the model's own graphs give them.
 */
export async function pickGoldenRows(
  context: Pick<JobContext, 'progress' | 'signal'>,
  source: { model: RunnableModel; plan: FeaturePlan; request: readonly RequestField[]; parts: readonly ModelRows[] },
): Promise<GoldenRows> {
  const { model, plan, request, parts } = source;
  const golden: { inputs: Record<string, Values>; request: Record<string, Values>; scores: number[]; width: number } = {
    inputs: Object.fromEntries(plan.inputs.map(({ name }) => [name, []])),
    request: Object.fromEntries(request.map(({ name }) => [name, []])),
    scores: [],
    width: scoreWidth(model),
  };
  for (const { part, indexes } of chooseIndexes(plan, parts)) {
    const columns = takeRows(part.columns, indexes);
    golden.scores.push(...(await scoreModel(context, model, { rows: indexes.length, columns })));
    for (const [name, values] of Object.entries(golden.inputs)) values.push(...valuesOf(columns[name]));
    for (const { name, datatype } of request)
      golden.request[name]?.push(...requestValues(columns[name], datatype, indexes.length));
  }
  return golden;
}

function chooseIndexes(plan: FeaturePlan, parts: readonly ModelRows[]): { part: ModelRows; indexes: number[] }[] {
  const chosen = parts.map((part) => ({ part, indexes: new Set<number>() }));
  const total = (): number => chosen.reduce((sum, { indexes }) => sum + indexes.size, 0);
  for (const { part, indexes } of chosen) {
    const missing = rowsWithMissing(plan, part);
    for (const index of evenly(missing.length, ROWS_WITH_MISSING - total())) indexes.add(missing[index] ?? 0);
  }
  for (const { part, indexes } of chosen) {
    for (const index of evenly(part.rows, GOLDEN_ROWS - total())) indexes.add(index);
  }
  return chosen
    .filter(({ indexes }) => indexes.size > 0)
    .map(({ part, indexes }) => ({ part, indexes: [...indexes].sort((left, right) => left - right) }));
}

function rowsWithMissing(plan: FeaturePlan, part: ModelRows): number[] {
  const columns = plan.inputs.map(({ name }) => part.columns[name] ?? []);
  const found: number[] = [];
  for (let row = 0; row < part.rows; row += 1) if (columns.some((data) => isMissing(data, row))) found.push(row);
  return found;
}

/** Up to `wanted` positions out of `count`, evenly spread, the first and the last among them. */
export function evenly(count: number, wanted: number): number[] {
  if (wanted <= 0 || count === 0) return [];
  if (count <= wanted) return Array.from({ length: count }, (_value, index) => index);
  const step = (count - 1) / Math.max(1, wanted - 1);
  return Array.from({ length: wanted }, (_value, index) => Math.round(index * step));
}

function valuesOf(data: TensorData | undefined): Values {
  return Array.from(data ?? [], (value: number | bigint | string) => {
    if (typeof value === 'bigint') return Number(value);
    return typeof value === 'number' && Number.isNaN(value) ? null : value;
  });
}

/**
 * Request fields that are only entity keys are not part of the training dataset: golden requests bring the view
 * features themselves, so such a key finds nothing and may be empty.
 */
function requestValues(data: TensorData | undefined, datatype: RequestField['datatype'], rows: number): Values {
  if (data !== undefined) return valuesOf(data);
  return Array.from({ length: rows }, () => (datatype === 'BYTES' ? '' : 0));
}
