import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FeaturePlan } from '../../../domain/features.js';
import type { Task } from '../../../domain/task.js';
import { fuseModel } from '../../../ml/onnx/fused-model.js';
import { createSession, type TensorData } from '../../../ml/onnx/session.js';
import { encodeModel, exposeOutput } from '../../../ml/onnx/writer.js';
import { predict } from '../../../ml/training/predict.js';
import { leafOf } from '../../../ml/training/score.js';
import { trainGradientBoosting } from '../../../ml/training/gbdt/trainer.js';
import { builtInTrainer, fittedRows, train, type TrainingData } from '../../../ml/training/train.js';
import type { TrainedForm } from '../../../ml/training/trained-form.js';
import { type MadeRows, madeRows } from '../training/made-rows.js';

const NAMES = ['number', 'code', 'few', 'noise'];
const PLAN: FeaturePlan = {
  inputs: NAMES.map((name) => ({
    name,
    datatype: 'FP32',
    nullable: true,
    source: { kind: 'request', column: name },
  })),
  features: NAMES.map((name) => ({ name, expression: name })),
  encodings: [],
};
const CLASSES: Readonly<Record<Task, readonly string[]>> = { binary: [], multiclass: ['a', 'b', 'c'], regression: [] };

function dataOf(rows: MadeRows): TrainingData {
  return { ...rows, classes: CLASSES[rows.task], names: NAMES };
}

function trained(
  data: TrainingData,
  kind: 'gbdt' | 'linear' | 'baseline',
  parameters: Record<string, unknown>,
): TrainedForm {
  const trainer = builtInTrainer({ kind, parameters, seed: 7 });
  if (trainer.kind !== 'gbdt') return train({ trainer, data });
  return { kind: 'trees', ensemble: trainGradientBoosting({ ...fittedRows(data), ...trainer }) };
}

/** Runs the fused graph; with `raw`, the trees' own scores before the last nodes. */
async function serve(
  form: TrainedForm,
  { matrix, rows, columns, task }: TrainingData,
  options: { raw?: boolean; batch?: number } = {},
) {
  const graph = fuseModel({ plan: PLAN, form, classes: CLASSES[task], decisionThreshold: 0.5 });
  const inner = graph.nodes.find(({ op }) => op === 'TreeEnsembleRegressor')?.outputs[0] ?? '';
  const bytes = encodeModel(graph);
  const width = task === 'multiclass' ? 3 : 1;
  const session = await createSession(
    options.raw ? exposeOutput(bytes, { name: inner, type: 'FLOAT', shape: [-1, width] }) : bytes,
  );
  const wanted = options.raw ? [inner] : session.outputs.map(({ name }) => name);
  const answers: Record<string, number[]> = Object.fromEntries(wanted.map((name) => [name, []]));
  const batch = options.batch ?? rows;
  try {
    for (let from = 0; from < rows; from += batch) {
      const size = Math.min(batch, rows - from);
      const feeds: Record<string, TensorData> = Object.fromEntries(
        NAMES.map((name, column) => [
          name,
          Float32Array.from({ length: size }, (_unused, row) => matrix[(from + row) * columns + column] ?? 0),
        ]),
      );
      const results = await session.run(feeds, wanted);
      for (const name of wanted) answers[name]?.push(...Array.from(results[name] ?? [], Number));
    }
    return options.raw ? (answers[inner] ?? []) : answers;
  } finally {
    await session.release();
  }
}

/** Values at, just below and just above every threshold, codes in and out of every set, and what is not a number. */
function probes(form: Extract<TrainedForm, { kind: 'trees' }>, seed: number): { matrix: Float32Array; rows: number } {
  const values = NAMES.map(() => [Number.NaN, 0, -0, 1e30, Infinity, -Infinity, -1, 0.5, 200, 1e-45]);
  for (const tree of form.ensemble.trees)
    for (const [node, feature] of tree.feature.entries()) {
      if (feature < 0) continue;
      const codes = tree.leftCodes.get(node) ?? [];
      const threshold = tree.threshold[node] ?? 0;
      values[feature]?.push(...codes, threshold, above(threshold), -above(-threshold));
    }
  const rows = 1_500;
  const matrix = Float32Array.from({ length: rows * NAMES.length }, (_unused, at) => {
    const own = values[at % NAMES.length] ?? [];
    return own[Math.abs(Math.imul(at + seed, 0x9e3779b1) >>> 8) % own.length] ?? 0;
  });
  return { matrix, rows };
}

/** The next float32. */
function above(value: number): number {
  const float = Float32Array.of(value);
  const bits = new Int32Array(float.buffer);
  bits[0] = (bits[0] ?? 0) + (value >= 0 ? 1 : -1);
  return float[0] ?? 0;
}

/** Sums as the runtime does: float32, tree after tree, the base score last. */
function float32Scores(
  { ensemble }: Extract<TrainedForm, { kind: 'trees' }>,
  matrix: Float32Array,
  rows: number,
): number[] {
  const { outputs, baseScores, featureCount, trees } = ensemble;
  const scores = new Float32Array(rows * outputs);
  for (const tree of trees)
    for (let row = 0; row < rows; row += 1) {
      const at = row * outputs + tree.output;
      scores[at] = (scores[at] ?? 0) + (tree.leafValue[leafOf(tree, matrix, row * featureCount)] ?? 0);
    }
  return Array.from(scores, (score, at) => Math.fround(score + (baseScores[at % outputs] ?? 0)));
}

describe('the graph of trained trees', () => {
  it('sends every row into the leaf that training would, bit for bit, whatever the task', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom<Task>('binary', 'multiclass', 'regression'),
        fc.integer({ min: 1, max: 10_000 }),
        fc.constantFrom(2, 5, 31),
        async (task, seed, maxLeaves) => {
          const data = dataOf(madeRows({ task, rows: 700, seed, outputs: task === 'multiclass' ? 3 : 1 }));
          const form = trained(data, 'gbdt', { trees: 12, maxLeaves, minLeafRows: 3 });
          if (form.kind !== 'trees') throw new TypeError('gbdt gives trees');
          expect(form.ensemble.trees.some(({ leftCodes }) => leftCodes.size > 0)).toBe(true);
          const probed = { ...data, ...probes(form, seed) };
          expect(await serve(form, probed, { raw: true })).toEqual(float32Scores(form, probed.matrix, probed.rows));
        },
      ),
      { numRuns: 12 },
    );
  });
});

describe('the graph of every trained form', () => {
  const output = { binary: 'probability', multiclass: 'probabilities', regression: 'prediction' } as const;
  const forms: [Task, 'gbdt' | 'linear' | 'baseline', Record<string, unknown>][] = [
    ['binary', 'gbdt', { trees: 20 }],
    ['multiclass', 'gbdt', { trees: 20 }],
    ['regression', 'gbdt', { trees: 20, loss: 'absolute' }],
    ['binary', 'linear', {}],
    ['multiclass', 'linear', {}],
    ['regression', 'linear', {}],
    ['binary', 'baseline', {}],
    ['multiclass', 'baseline', {}],
    ['regression', 'baseline', {}],
    ['regression', 'baseline', { method: 'median' }],
    ['binary', 'baseline', { method: 'rateBy', column: 'code' }],
    ['multiclass', 'baseline', { method: 'rateBy', column: 'few' }],
    ['regression', 'baseline', { method: 'last', column: 'few' }],
    ['regression', 'baseline', { method: 'seasonal', hour: 'code', weekday: 'few' }],
  ];

  it.each(forms)('answers as the plain computation does: %s %s %j', async (task, kind, parameters) => {
    const data = dataOf(madeRows({ task, rows: 600, seed: 3, outputs: task === 'multiclass' ? 3 : 1, weighted: true }));
    const form = trained(data, kind, parameters);
    const answers = (await serve(form, data)) as Record<string, number[]>;
    const expected = predict(form, data.matrix, data.rows);
    const served = answers[output[task]] ?? [];
    expect(served).toHaveLength(expected.length);
    const differences = served.map((value, at) => Math.abs(value - (expected[at] ?? Number.NaN)));
    // Values of the regression are about 100: both are a few float32 roundings.
    expect(Math.max(...differences)).toBeLessThan(task === 'regression' ? 1e-4 : 1e-6);
    if (task === 'multiclass')
      expect(answers['decision']).toEqual(
        Array.from({ length: data.rows }, (_unused, row) => {
          const own = served.slice(3 * row, 3 * row + 3);
          return own.indexOf(Math.max(...own));
        }),
      );
    if (task === 'binary') expect(answers['decision']).toEqual(served.map((value) => Number(value >= 0.5)));
    expect(answers['decision'] === undefined).toBe(task === 'regression');
  });

  it.each(forms)(
    'answers a row alone as it does among others, bit for bit: %s %s %j',
    async (task, kind, parameters) => {
      const data = dataOf(madeRows({ task, rows: 200, seed: 5, outputs: task === 'multiclass' ? 3 : 1 }));
      const form = trained(data, kind, parameters);
      expect(await serve(form, data, { batch: 1 })).toEqual(await serve(form, data));
    },
  );

  it('takes infinite numbers for missing in a linear model', async () => {
    const data = dataOf(madeRows({ task: 'regression', rows: 300, seed: 9 }));
    const form = trained(data, 'linear', {});
    const probe = {
      ...data,
      rows: 3,
      matrix: Float32Array.of(NaN, 1, 2, 0.5, Infinity, 1, 2, 0.5, -Infinity, 1, 2, 0.5),
    };
    const { prediction = [] } = (await serve(form, probe)) as Record<string, number[]>;
    expect(Number.isFinite(prediction[0])).toBe(true);
    expect(new Set(prediction).size).toBe(1);
  });
});
