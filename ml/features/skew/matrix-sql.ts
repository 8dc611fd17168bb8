/** The offline side of a skew certificate: SQL that gives the feature matrix a model's graph must give. */
import type { FeaturePlan } from '../../../domain/features.js';
import type { TensorData } from '../../onnx/session.js';
import { type CheckedExpression, checkExpression } from '../expression/check.js';
import { featureTextSql, renderFeatureSql } from '../expression/feature-sql.js';
import { quoteIdentifier, quoteText } from '../expression/sql.js';
import { categoriesOf, inputTypes } from '../plan.js';
import type { SkewRows } from './edge-rows.js';

/** The column by which rows keep their order; no input can be called like it. */
export const SKEW_ROW = '":row"';

/** `select <features in order, REAL, null for missing>` from a relation with the plan's inputs and {@link SKEW_ROW}. */
export function featureMatrixSql(plan: FeaturePlan, relation: string): string {
  const columns = inputTypes(plan.inputs);
  const features = plan.features.map(({ name, expression }) => {
    const checked = checkExpression(expression, columns);
    const sql =
      checked.type === 'text'
        ? categoryCodeSql(plan, checked)
        : renderFeatureSql(checked.tree, { text: expression, columns });
    return `${sql} as ${quoteIdentifier(name)}`;
  });
  return `select ${features.join(', ')} from ${relation} order by ${SKEW_ROW}`;
}

/** Position among the categories, −1 for a text that training never saw, null for a missing one. */
function categoryCodeSql(plan: FeaturePlan, { tree }: CheckedExpression): string {
  const input = tree.kind === 'column' ? tree.name : '';
  const categories = categoriesOf(plan, input);
  const text = featureTextSql(input);
  const known = `[${categories.map(quoteText).join(', ')}]::varchar[]`;
  return `(case when ${text} = '' then null else coalesce(list_position(${known}, ${text}), 0) - 1 end)::real`;
}

/** A sub-query with given rows as a relation. */
export function rowsRelation({ rows, columns }: SkewRows): string {
  const lists = Object.entries(columns).map(([name, data]) => `${listOf(data)} as ${quoteIdentifier(name)}`);
  return `(select ${[...lists, `unnest(range(${rows})) as ${SKEW_ROW}`].join(', ')})`;
}

function listOf(data: TensorData): string {
  if (data instanceof BigInt64Array) return `unnest([${Array.from(data, String).join(', ')}]::bigint[])`;
  if (data instanceof Float32Array || data instanceof Float64Array)
    return `unnest([${Array.from(data, floatText).join(', ')}]::real[])`;
  return `unnest([${data.map(quoteText).join(', ')}]::varchar[])`;
}

function floatText(value: number): string {
  return quoteText(Object.is(value, -0) ? '-0.0' : String(value));
}
