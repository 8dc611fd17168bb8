import { describe, expect, it } from 'vitest';
import type { FeaturePlan } from '../../../domain/features.js';
import { fuseModel } from '../../../ml/onnx/fused-model.js';
import { createSession } from '../../../ml/onnx/session.js';
import { encodeModel } from '../../../ml/onnx/writer.js';
import { scoreEnsemble } from '../../../ml/training/score.js';
import type { TreeEnsemble } from '../../../ml/training/tree-ensemble.js';
import { binaryEnsemble, stump } from '../../support/trees.js';

const plan: FeaturePlan = {
  inputs: [
    { name: 'distance', datatype: 'FP32', nullable: true, source: { kind: 'request', column: 'distance' } },
    {
      name: 'late_rate',
      datatype: 'FP32',
      nullable: true,
      source: { kind: 'view', view: 'origin-traffic', feature: 'late_rate' },
    },
  ],
  features: [
    { name: 'distance', expression: 'distance' },
    { name: 'late_rate', expression: 'late_rate' },
  ],
  encodings: [],
};

async function run(ensemble: TreeEnsemble, columns: { distance: number[]; late_rate: number[] }) {
  const session = await createSession(
    encodeModel(fuseModel({ plan, form: { kind: 'trees', ensemble }, classes: [], decisionThreshold: 0.5 })),
  );
  try {
    const feeds = { distance: Float32Array.from(columns.distance), late_rate: Float32Array.from(columns.late_rate) };
    const { probability, decision } = await session.run(feeds, ['probability', 'decision']);
    return { probability: [...(probability ?? [])].map(Number), decision: [...(decision ?? [])].map(Number) };
  } finally {
    await session.release();
  }
}

describe('fuseModel of a binary ensemble', () => {
  it('sends a value equal to the threshold left and a missing one where training sent it', async () => {
    const trees = [
      stump(0, 0.1, { left: 1, right: -1, missingLeft: 0 }),
      stump(1, 0.5, { left: 0.25, right: -0.25, missingLeft: 1 }),
    ];
    const { probability } = await run(binaryEnsemble(2, 0, trees), {
      distance: [Math.fround(0.1), Number.NaN],
      late_rate: [0.6, Number.NaN],
    });
    // sigmoid(1 − 0.25) and sigmoid(−1 + 0.25)
    expect(probability[0]).toBeCloseTo(0.679178699175393, 6);
    expect(probability[1]).toBeCloseTo(0.320821300824607, 6);
  });

  it('decides right when all leaves are positive, where the classifier operator does not', async () => {
    const trees = [stump(0, 10, { left: 0.4, right: 0.2, missingLeft: 0 })];
    expect(await run(binaryEnsemble(2, 0, trees), { distance: [1], late_rate: [0] })).toEqual({
      probability: [expect.closeTo(0.598687660112452, 6)],
      decision: [1],
    });
  });

  it('serves a model without trees as its base rate', async () => {
    const { probability, decision } = await run(binaryEnsemble(2, Math.fround(-1.5), []), {
      distance: [1, 2],
      late_rate: [0, 0],
    });
    expect(probability).toEqual([expect.closeTo(0.182425523806356, 6), expect.closeTo(0.182425523806356, 6)]);
    expect(decision).toEqual([0, 0]);
  });

  it('agrees with the plain walk on many rows', async () => {
    const trees = Array.from({ length: 40 }, (_unused, tree) =>
      stump(tree % 2, tree / 40, {
        left: 0.1 + tree / 100,
        right: -0.2 + tree / 90,
        missingLeft: tree % 3 === 0 ? 1 : 0,
      }),
    );
    const ensemble = binaryEnsemble(2, Math.fround(-0.3), trees);
    const rows = 500;
    const value = (row: number, column: number): number =>
      row % 11 === column ? Number.NaN : Math.fround(((row * (column + 3)) % 97) / 97);
    const distance = Array.from({ length: rows }, (_unused, row) => value(row, 0));
    const late_rate = Array.from({ length: rows }, (_unused, row) => value(row, 1));
    const matrix = Float32Array.from(
      { length: rows * 2 },
      (_unused, index) => (index % 2 === 0 ? distance : late_rate)[Math.floor(index / 2)] ?? 0,
    );
    const { probability } = await run(ensemble, { distance, late_rate });
    const expected = scoreEnsemble(ensemble, matrix, rows);
    const largest = Math.max(...probability.map((served, row) => Math.abs(served - (expected[row] ?? Number.NaN))));
    expect(largest).toBeLessThan(1e-6);
  });
});
