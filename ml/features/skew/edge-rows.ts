/** Rows of edge values for a feature plan: what its own expressions and categories make critical, crossed per feature. */
import type { FeaturePlan, ModelInput } from '../../../domain/features.js';
import type { TensorData } from '../../onnx/session.js';
import { uniformOf } from '../../random.js';
import { columnsOf, type Expression, nodesOf } from '../expression/ast.js';
import { parseExpression } from '../expression/parse.js';
import { categoriesOf } from '../plan.js';
import { edgeNumbers, edgeTexts, edgeTimes } from './edge-values.js';

/** Rows tried for one feature at most: all combinations of its inputs' edge values where there are fewer. */
const ROWS_PER_FEATURE = 1_500;

export interface SkewRows {
  readonly rows: number;
  /** By input of the plan: FP32 with NaN for a missing value, INT64 and BYTES. */
  readonly columns: Readonly<Record<string, TensorData>>;
}

type EdgeValue = number | string;

/** The same rows for the same plan. Inputs that a feature does not read get values drawn from their own. */
export function edgeRows(plan: FeaturePlan, rowsPerFeature = ROWS_PER_FEATURE): SkewRows {
  const trees = plan.features.map(({ expression }) => parseExpression(expression));
  const values = new Map(plan.inputs.map((input) => [input.name, edgeValuesOf(input, { plan, trees })]));
  const rows: Record<string, EdgeValue>[] = [];
  for (const tree of trees) {
    const read = columnsOf(tree);
    const combinations = read.reduce((product, name) => product * (values.get(name)?.length ?? 1), 1);
    const wanted = Math.min(combinations, rowsPerFeature);
    for (let index = 0; index < wanted; index += 1)
      rows.push(edgeRow({ values, read, combination: Math.floor((index * combinations) / wanted), row: rows.length }));
  }
  return {
    rows: rows.length,
    columns: Object.fromEntries(plan.inputs.map(({ name, datatype }) => [name, columnOf(rows, name, datatype)])),
  };
}

function edgeValuesOf(
  input: ModelInput,
  { plan, trees }: { plan: FeaturePlan; trees: readonly Expression[] },
): readonly EdgeValue[] {
  const around = trees.filter((tree) => columnsOf(tree).includes(input.name)).flatMap(nodesOf);
  if (input.datatype === 'INT64') return edgeTimes();
  if (input.datatype === 'FP32')
    return edgeNumbers(around.flatMap((node) => (node.kind === 'number' ? [node.value] : [])));
  const categories = categoriesOf(plan, input.name);
  return edgeTexts([...categories, ...around.flatMap((node) => (node.kind === 'text' ? [node.value] : []))]);
}

interface EdgeRowRequest {
  readonly values: ReadonlyMap<string, readonly EdgeValue[]>;
  readonly read: readonly string[];
  /** Which combination of the read inputs' values, as a number in mixed radix. */
  readonly combination: number;
  readonly row: number;
}

function edgeRow({ values, read, combination, row }: EdgeRowRequest): Record<string, EdgeValue> {
  const chosen: Record<string, EdgeValue> = {};
  let rest = combination;
  for (const [name, candidates] of values) {
    const isRead = read.includes(name);
    const index = isRead ? rest % candidates.length : Math.floor(uniformOf(row, candidates.length) * candidates.length);
    if (isRead) rest = Math.floor(rest / candidates.length);
    chosen[name] = candidates[index] ?? '';
  }
  return chosen;
}

function columnOf(
  rows: readonly Record<string, EdgeValue>[],
  name: string,
  datatype: ModelInput['datatype'],
): TensorData {
  if (datatype === 'BYTES') return rows.map((row) => String(row[name] ?? ''));
  if (datatype === 'FP32') return Float32Array.from(rows, (row) => Number(row[name] ?? Number.NaN));
  return BigInt64Array.from(rows, (row) => BigInt(row[name] ?? 0));
}
