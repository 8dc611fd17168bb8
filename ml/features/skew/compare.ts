/** Counts where the feature matrices of tables and graph differ, feature by feature. */
import type { FeaturePlan } from '../../../domain/features.js';
import type { FeatureSkew, SkewCorpus, SkewMismatch } from '../../../domain/skew-certificate.js';
import type { TensorData } from '../../onnx/session.js';
import { columnsOf } from '../expression/ast.js';
import { checkExpression } from '../expression/check.js';
import { ulpLimit } from '../expression/exactness.js';
import { parseExpression } from '../expression/parse.js';
import { inputTypes } from '../plan.js';
import { ulpDistance } from './float32.js';

type Columns = Readonly<Record<string, ArrayLike<number | bigint | string>>>;

/** One corpus of rows through both sides; matrices are row-major rows × features. */
export interface ComparedRows {
  readonly corpus: SkewCorpus;
  readonly rows: number;
  readonly batchRows: number;
  readonly offline: Float32Array;
  readonly online: Float32Array;
  readonly offlineInputs: Columns;
  readonly onlineInputs: Readonly<Record<string, TensorData>>;
  /** Keys and time of the rows. */
  readonly about: Columns;
}

/** Features of a plan with their classes and nothing compared yet. */
export function openTally(plan: FeaturePlan): FeatureSkew[] {
  const columns = inputTypes(plan.inputs);
  return plan.features.map(({ name, expression }) => {
    const { tree, exactness } = checkExpression(expression, columns);
    return {
      feature: name,
      expression,
      exactness,
      limitUlp: ulpLimit(tree, expression),
      comparisons: 0,
      mismatches: 0,
      maxUlp: 0,
      firstMismatch: null,
    };
  });
}

/** The tally with these rows counted in. */
export function addRows(tally: readonly FeatureSkew[], compared: ComparedRows): FeatureSkew[] {
  return tally.map((feature, index) => countFeature(feature, compared, index));
}

function countFeature(before: FeatureSkew, compared: ComparedRows, index: number): FeatureSkew {
  const { rows, offline, online } = compared;
  const width = offline.length / rows;
  let [mismatches, maxUlp, first] = [0, before.maxUlp ?? Number.POSITIVE_INFINITY, -1];
  for (let row = 0; row < rows; row += 1) {
    const at = row * width + index;
    const distance = ulpDistance(offline[at] ?? Number.NaN, online[at] ?? Number.NaN);
    if (distance > maxUlp) maxUlp = distance;
    if (distance <= before.limitUlp) continue;
    mismatches += 1;
    if (first < 0) first = row;
  }
  return {
    ...before,
    comparisons: before.comparisons + rows,
    mismatches: before.mismatches + mismatches,
    maxUlp: Number.isFinite(maxUlp) ? maxUlp : null,
    firstMismatch:
      before.firstMismatch ??
      (first < 0 ? null : mismatchAt(before, compared, { row: first, at: first * width + index })),
  };
}

/** With the inputs that the feature reads. */
function mismatchAt(
  { expression }: FeatureSkew,
  compared: ComparedRows,
  { row, at }: { row: number; at: number },
): SkewMismatch {
  const { corpus, batchRows, offline, online, offlineInputs, onlineInputs, about } = compared;
  const read = columnsOf(parseExpression(expression));
  const readOf = (columns: Columns): Columns =>
    Object.fromEntries(Object.entries(columns).filter(([name]) => read.includes(name)));
  return {
    corpus,
    row,
    batchRows,
    offline: skewText(offline[at]),
    online: skewText(online[at]),
    about: rowTexts(about, row),
    offlineInputs: rowTexts(readOf(offlineInputs), row),
    onlineInputs: rowTexts(readOf(onlineInputs), row),
  };
}

function rowTexts(columns: Columns, row: number): Record<string, string> {
  return Object.fromEntries(Object.entries(columns).map(([name, data]) => [name, skewText(data[row])]));
}

/** A value as people read it; a missing number is "missing", texts are quoted. */
export function skewText(value: number | bigint | string | undefined): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (value === undefined || Number.isNaN(value)) return 'missing';
  return Object.is(value, -0) ? '-0' : String(value);
}
