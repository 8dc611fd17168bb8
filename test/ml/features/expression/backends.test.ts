import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FeaturePlan, ModelInput } from '../../../../domain/features.js';
import { MISSING_TIME } from '../../../../domain/time.js';
import { checkExpression } from '../../../../ml/features/expression/check.js';
import { ulpLimit } from '../../../../ml/features/expression/exactness.js';
import { evaluateNumber } from '../../../../ml/features/expression/evaluate.js';
import { parseExpression } from '../../../../ml/features/expression/parse.js';
import { renderSql } from '../../../../ml/features/expression/sql.js';
import { compilePrefix, inputTypes } from '../../../../ml/features/plan.js';
import { edgeRows, type SkewRows } from '../../../../ml/features/skew/edge-rows.js';
import { ulpDistance } from '../../../../ml/features/skew/float32.js';
import { featureMatrixSql, rowsRelation, SKEW_ROW } from '../../../../ml/features/skew/matrix-sql.js';
import { createSession } from '../../../../ml/onnx/session.js';
import { encodeModel } from '../../../../ml/onnx/writer.js';
import { scoreInBatches } from '../../../../scoring/batch.js';
import type { TableEngine } from '../../../../store/contracts/tables.js';
import { openTableEngine } from '../../../../store/tables/engine.js';

const INPUTS: ModelInput[] = [
  { name: 'a', datatype: 'FP32', nullable: true, source: { kind: 'request', column: 'a' } },
  { name: 'b', datatype: 'FP32', nullable: true, source: { kind: 'request', column: 'b' } },
  { name: 'origin', datatype: 'BYTES', nullable: false, source: { kind: 'request', column: 'origin' } },
  { name: 'at', datatype: 'INT64', nullable: false, source: { kind: 'request', column: 'at' } },
];

const EXACT = [
  'a + b',
  'a - b',
  'a * b',
  'a / b',
  '-a',
  'abs(a)',
  'floor(a)',
  'ceil(a)',
  'round(a)',
  'sqrt(a)',
  'min(a, b)',
  'max(a, b)',
  'clip(a, -1, 1)',
  'coalesce(a, b)',
  'is_null(a)',
  'if(a > b and not is_null(a), a, b)',
  'a == b',
  'a != b',
  'a < b',
  'a <= b',
  'a > b',
  'a >= b',
  'not (a > b)',
  'quantize(a, 0.001)',
  'quantize(a, 0.5)',
  'quantize(log(a), 0.01)',
  'a * b - a',
  "origin == 'ATL'",
  "origin != 'ATL'",
  "in(origin, 'ATL', 'Zürich', 'İ')",
  'origin',
  'hour_of(at)',
  'minute_of(at)',
  'weekday_of(at)',
  '3',
];
const BOUNDED = ['log(a)', 'exp(a)', 'pow(a, b)', '-log(a)', 'max(log(a), exp(b))', 'log(a) * 2'];

function planOf(expressions: readonly string[]): FeaturePlan {
  return {
    inputs: INPUTS,
    features: expressions.map((expression, index) => ({ name: `f${index}`, expression })),
    encodings: [{ input: 'origin', categories: ['ATL', 'ORD', 'Zürich', 'İ', "O'Hare"] }],
  };
}

async function graphValues(plan: FeaturePlan, rows: SkewRows, batchRows: number): Promise<Float32Array> {
  const session = await createSession(encodeModel(compilePrefix(plan)));
  try {
    return await scoreInBatches({ session, ...rows, output: 'features', width: plan.features.length, batchRows });
  } finally {
    await session.release();
  }
}

/** Per expression the first row where two results are further apart than the expression allows. */
function differences(
  expressions: readonly string[],
  [got, wanted]: readonly [ArrayLike<number>, ArrayLike<number>],
  rows: SkewRows,
): string[] {
  const found = new Map<string, string>();
  const limits = expressions.map((expression) => ulpLimit(parseExpression(expression), expression));
  for (let index = 0; index < wanted.length; index += 1) {
    const expression = expressions[index % expressions.length] ?? '';
    const row = Math.floor(index / expressions.length);
    const [left, right] = [got[index] ?? Number.NaN, wanted[index] ?? Number.NaN];
    if (ulpDistance(left, right) <= (limits[index % limits.length] ?? 0) || found.has(expression)) continue;
    const inputs = Object.entries(rows.columns).map(([name, data]) => `${name} = ${String(data[row])}`);
    found.set(expression, `${expression}: ${left} instead of ${right} for ${inputs.join(', ')}`);
  }
  return [...found.values()];
}

describe('back-ends of expressions', () => {
  let folder: string;
  let tables: TableEngine;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'perennial-test-'));
    tables = await openTableEngine({ dataDirectories: [folder], spillDirectory: folder });
  });
  afterAll(async () => {
    await tables.close();
    await rm(folder, { recursive: true });
  });

  async function tableValues(plan: FeaturePlan, rows: SkewRows): Promise<Float32Array> {
    const { columns } = await tables.use((session) => session.columns(featureMatrixSql(plan, rowsRelation(rows))));
    const features = plan.features.map(({ name }) => columns[name]?.values ?? []);
    return Float32Array.from({ length: rows.rows * features.length }, (_unused, index) =>
      Number(features[index % features.length]?.[Math.floor(index / features.length)]),
    );
  }

  function plainValues(plan: FeaturePlan, rows: SkewRows): Float32Array {
    const columns = inputTypes(plan.inputs);
    const trees = plan.features.map(({ expression }) => checkExpression(expression, columns));
    return Float32Array.from({ length: rows.rows * trees.length }, (_unused, index) => {
      const row = Math.floor(index / trees.length);
      const values = Object.fromEntries(
        Object.entries(rows.columns).map(([name, data]) => {
          const value = data[row] ?? Number.NaN;
          return [name, typeof value === 'bigint' ? Number(value) : value];
        }),
      );
      const checked = trees[index % trees.length];
      if (checked === undefined) return Number.NaN;
      if (checked.type !== 'text') return evaluateNumber(checked.tree, values);
      const text = String(values['origin']).replaceAll('\0', '\u{fffd}');
      return text === '' ? Number.NaN : (plan.encodings[0]?.categories.indexOf(text) ?? -1);
    });
  }

  const exact = planOf(EXACT);
  const exactRows = edgeRows(exact, 600);
  const exactPlain = plainValues(exact, exactRows);

  it.each([1, 3, 7, 64, 1_000_000])(
    'give the same bits for exact expressions, graph in batches of %i',
    async (batch) => {
      const graph = await graphValues(exact, exactRows, batch);
      expect(differences(EXACT, [graph, exactPlain], exactRows)).toEqual([]);
    },
  );

  it('give the same bits for exact expressions in tables', async () => {
    const table = await tableValues(exact, exactRows);
    expect(exactRows.rows).toBeGreaterThan(10_000);
    expect(differences(EXACT, [table, exactPlain], exactRows)).toEqual([]);
  });

  it('agree with labels and views, which are float64, where a float32 holds the result and nothing is missing', async () => {
    const expressions = [
      'abs(a)',
      'floor(a)',
      'ceil(a)',
      'round(a)',
      'min(a, b)',
      'max(a, b)',
      'clip(a, -1, 1)',
      'coalesce(a, b)',
      'if(a > b, a, b)',
      'a >= b',
      "origin == 'ATL'",
      'hour_of(at)',
      'minute_of(at)',
      'weekday_of(at)',
    ];
    const plan = planOf(expressions);
    const all = edgeRows(plan, 600);
    const isGiven = (row: number): boolean =>
      ![all.columns['a'], all.columns['b']].some((data) => Number.isNaN(data?.[row])) &&
      all.columns['at']?.[row] !== BigInt(MISSING_TIME);
    const plain = plainValues(plan, all);
    const selected = expressions.map((expression, index) => {
      const sql = renderSql(checkExpression(expression, inputTypes(INPUTS)));
      return `(${sql})::double as f${index}`;
    });
    const { columns } = await tables.use((session) =>
      session.columns(`select ${selected.join(', ')} from ${rowsRelation(all)} order by ${SKEW_ROW}`),
    );
    const different = expressions.flatMap((expression, index) => {
      const values = columns[`f${index}`]?.values ?? [];
      const row = Array.from({ length: all.rows }, (_unused, each) => each).find(
        (each) => isGiven(each) && Number(values[each]) !== plain[each * expressions.length + index],
      );
      return row === undefined ? [] : [`${expression}: ${String(values[row])} in row ${row}`];
    });
    expect(different).toEqual([]);
  });

  it('state the ulp of bounded expressions by what is bounded in them', () => {
    const limit = (expression: string): number =>
      ulpLimit(checkExpression(expression, inputTypes(INPUTS)).tree, expression);
    expect(['a + 1', 'quantize(log(a), 0.1) * 2', 'log(a + 1)', '-exp(a)', 'log(a) * 2 + exp(b)'].map(limit)).toEqual([
      0, 0, 1, 1, 4,
    ]);
  });

  it('stay within the stated ulp for bounded expressions', async () => {
    const plan = planOf(BOUNDED);
    const rows = edgeRows(plan);
    const plain = plainValues(plan, rows);
    expect(differences(BOUNDED, [await tableValues(plan, rows), plain], rows)).toEqual([]);
    for (const batch of [1, 7, 1_000_000])
      expect(differences(BOUNDED, [await graphValues(plan, rows, batch), plain], rows)).toEqual([]);
  });
});
