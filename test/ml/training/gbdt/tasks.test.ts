import { describe, expect, it } from 'vitest';
import { GbdtParameters } from '../../../../domain/gbdt-parameters.js';
import { startGradientBoosting, trainGradientBoosting } from '../../../../ml/training/gbdt/trainer.js';
import { soloTeams } from '../../../../ml/training/gbdt/team.js';
import { scoreEnsemble } from '../../../../ml/training/score.js';
import type { TreeEnsemble } from '../../../../ml/training/tree-ensemble.js';
import { CATEGORICAL, type MadeRows, madeRows } from '../made-rows.js';

const parameters = (changes: Partial<GbdtParameters> = {}): GbdtParameters =>
  GbdtParameters.parse({ trees: 30, minLeafRows: 5, ...changes });
const fit = (rows: MadeRows, changes: Partial<GbdtParameters> = {}): TreeEnsemble =>
  trainGradientBoosting({ ...rows, parameters: parameters(changes), seed: 1 });

/** One column, all else as given. */
function column(
  values: readonly number[],
  labels: readonly number[],
): Omit<MadeRows, 'task' | 'outputs' | 'categorical'> {
  return { matrix: Float32Array.from(values), labels: Float32Array.from(labels), rows: values.length, columns: 1 };
}

describe('a multiclass model', () => {
  const rows = madeRows({ task: 'multiclass', rows: 1_500, seed: 1, outputs: 4 });
  const ensemble = fit(rows);

  it('grows one tree for each class and iteration', () => {
    expect(ensemble.trees.map(({ output }) => output).slice(0, 8)).toEqual([0, 1, 2, 3, 0, 1, 2, 3]);
    expect(ensemble.trees).toHaveLength(120);
  });

  it('gives probabilities that sum to one and name the right class', () => {
    const answers = scoreEnsemble(ensemble, rows.matrix, rows.rows);
    let right = 0;
    for (let row = 0; row < rows.rows; row += 1) {
      const own = answers.subarray(4 * row, 4 * row + 4);
      expect(own.reduce((sum, each) => sum + each, 0)).toBeCloseTo(1, 5);
      right += Number(own.indexOf(Math.max(...own)) === rows.labels[row]);
    }
    expect(right / rows.rows).toBeGreaterThan(0.85);
  });

  it('starts from the shares of the classes', () => {
    const counts = [0, 1, 2, 3].map((label) => rows.labels.filter((each) => each === label).length);
    expect(ensemble.baseScores).toEqual(counts.map((count) => Math.fround(Math.log(count / rows.rows))));
  });
});

describe('a regression', () => {
  it('of squared errors starts from the mean and steps by the learning rate', () => {
    const data = column([0, 0, 1, 1], [1, 3, 7, 9]);
    const ensemble = trainGradientBoosting({
      ...data,
      task: 'regression',
      outputs: 1,
      parameters: parameters({ trees: 1, minLeafRows: 1, l2: 0 }),
      seed: 1,
    });
    expect(ensemble.baseScores).toEqual([5]);
    // Means of the halves are 2 and 8; a tenth of the way from 5.
    expect([...scoreEnsemble(ensemble, Float32Array.of(0, 1), 2)]).toEqual([Math.fround(4.7), Math.fround(5.3)]);
  });

  it('of absolute errors starts from the median and steps towards the medians of its leaves', () => {
    const data = column([0, 0, 0, 1, 1, 1], [1, 2, 90, 7, 8, 900]);
    const ensemble = trainGradientBoosting({
      ...data,
      task: 'regression',
      outputs: 1,
      parameters: parameters({ trees: 1, minLeafRows: 1, l2: 0, loss: 'absolute', depth: 1 }),
      seed: 1,
    });
    expect(ensemble.baseScores).toEqual([7.5]);
    // Medians of the halves are 2 and 8, whatever the outliers.
    expect([...scoreEnsemble(ensemble, Float32Array.of(0, 1), 2)]).toEqual([Math.fround(6.95), Math.fround(7.55)]);
  });

  it('learns large values as well as small ones', () => {
    const rows = madeRows({ task: 'regression', rows: 1_000, seed: 2 });
    const near = scoreEnsemble(fit(rows), rows.matrix, rows.rows);
    const labels = rows.labels.map((label) => label * 2 ** 20);
    const far = scoreEnsemble(fit({ ...rows, labels }), rows.matrix, rows.rows);
    // Powers of two change no digit.
    expect(far.map((value) => value / 2 ** 20)).toEqual(near);
  });
});

describe('weights', () => {
  it('of two count as a row that comes twice', () => {
    // So few rows that each value has a bin of its own, in both.
    const once = madeRows({ task: 'binary', rows: 200, seed: 3 });
    const twice = {
      ...once,
      rows: 400,
      matrix: Float32Array.of(...once.matrix, ...once.matrix),
      labels: Float32Array.of(...once.labels, ...once.labels),
    };
    const weighted = scoreEnsemble(fit({ ...once, weights: new Float32Array(200).fill(2) }), once.matrix, 200);
    const repeated = scoreEnsemble(fit(twice, { minLeafRows: 10 }), once.matrix, 200);
    const differences = weighted.map((value, row) => Math.abs(value - (repeated[row] ?? 0)));
    expect(Math.max(...differences)).toBeLessThan(1e-6);
    expect(new Set(weighted).size).toBeGreaterThan(20);
  });
});

describe('a categorical feature', () => {
  it('is split by sets of codes that no threshold could make', () => {
    const codes = Array.from({ length: 4_000 }, (_unused, row) => (row * 7) % 40);
    const data = column(
      codes,
      codes.map((code) => Number([3, 8, 21, 22, 35].includes(code))),
    );
    const ensemble = trainGradientBoosting({
      ...data,
      task: 'binary',
      outputs: 1,
      categorical: [0],
      parameters: parameters({ trees: 1, depth: 1 }),
      seed: 1,
    });
    expect([...(ensemble.trees[0]?.leftCodes.get(0) ?? [])]).toEqual([3, 8, 21, 22, 35]);
  });

  it('sends a code that training never saw with the others', () => {
    const rows = madeRows({ task: 'binary', rows: 1_000, seed: 4 });
    const [tree] = fit(rows, { trees: 1 }).trees;
    const seen = new Set(rows.matrix.filter((_value, at) => at % rows.columns === CATEGORICAL));
    for (const codes of tree?.leftCodes.values() ?? []) for (const code of codes) expect(seen.has(code)).toBe(true);
  });
});

describe('early stopping', () => {
  const noise = (): MadeRows => {
    const rows = madeRows({ task: 'binary', rows: 800, seed: 5 });
    return { ...rows, labels: rows.labels.map((_label, row) => ((row * 37) % 101 > 50 ? 1 : 0)) };
  };

  it('keeps the iterations up to the best one on rows that training does not see', () => {
    const losses: number[] = [];
    const ensemble = trainGradientBoosting({
      ...noise(),
      parameters: parameters({ trees: 100, earlyStopping: 5 }),
      seed: 1,
      onIteration: ({ validationLoss = Number.NaN }) => losses.push(validationLoss),
    });
    const best = losses.indexOf(Math.min(...losses));
    expect(losses.length).toBeLessThan(100);
    expect([0, best + 1]).toContain(ensemble.trees.length);
  });

  it('does not look at labels of the validation rows while it fits', () => {
    const rows = noise();
    const changed = { ...rows, labels: rows.labels.map((label, row) => (row >= 720 ? 1 - label : label)) };
    const grow = (data: MadeRows): TreeEnsemble => {
      const boosting = startGradientBoosting({ ...data, parameters: parameters({ earlyStopping: 50 }), seed: 1 });
      boosting.advance();
      boosting.advance();
      return boosting.grown();
    };
    expect(grow(changed)).toEqual(grow(rows));
  });

  it('ends a resumed run where an undisturbed one ends', () => {
    const input = { ...noise(), parameters: parameters({ trees: 100, earlyStopping: 5 }), seed: 1 };
    const half = startGradientBoosting(input);
    for (let iteration = 0; iteration < 3; iteration += 1) half.advance();
    const resumed = trainGradientBoosting({ ...input, resumeFrom: half.grown() });
    expect(resumed).toEqual(trainGradientBoosting(input));
  });

  it('validates on the rows it is told to', () => {
    const rows = noise();
    const validation = Uint8Array.from(rows.labels, (_label, row) => (row % 4 === 0 ? 1 : 0));
    const changed = { ...rows, labels: rows.labels.map((label, row) => (row % 4 === 0 ? 1 - label : label)) };
    const grow = (data: MadeRows): TreeEnsemble => {
      const boosting = startGradientBoosting({
        ...data,
        validation,
        parameters: parameters({ earlyStopping: 9 }),
        seed: 1,
      });
      boosting.advance();
      return boosting.grown();
    };
    expect(grow(changed)).toEqual(grow(rows));
  });
});

describe('any number of shards', () => {
  it.each(['binary', 'multiclass', 'regression'] as const)('gives the same trees: %s', (task) => {
    const rows = madeRows({ task, rows: 21_000, seed: 6, outputs: task === 'multiclass' ? 3 : 1, weighted: true });
    const grow = (shards: number): TreeEnsemble =>
      trainGradientBoosting({
        ...rows,
        parameters: parameters({ trees: 3, rowSampling: 0.7, columnSampling: 0.75, loss: 'absolute' }),
        seed: 1,
        teams: soloTeams(shards),
      });
    const one = grow(1);
    expect(one.trees.every(({ feature }) => feature.length > 5)).toBe(true);
    for (const shards of [2, 3, 7]) expect(grow(shards)).toEqual(one);
  });
});

describe('bad input', () => {
  const rows = madeRows({ task: 'binary', rows: 300, seed: 7 });

  it('of infinite numbers falls into the outer bins', () => {
    const matrix = rows.matrix.slice();
    for (let row = 0; row < 100; row += 1) matrix[row * 4] = row % 2 === 0 ? Infinity : -Infinity;
    const labels = rows.labels.map((label, row) => (row < 100 ? Number(row % 2 === 0) : label));
    const ensemble = fit({ ...rows, matrix, labels });
    const answers = scoreEnsemble(ensemble, matrix, 300);
    expect(answers[0]).toBeGreaterThan(0.8);
    expect(answers[1]).toBeLessThan(0.2);
  });

  it('of constant or empty columns is never split by', () => {
    const matrix = rows.matrix.map((value, at) => (at % 4 === 2 ? 5 : at % 4 === 3 ? Number.NaN : value));
    const features = fit({ ...rows, matrix }).trees.flatMap(({ feature }) => [...feature]);
    expect(features).toContain(0);
    expect(features).not.toContain(2);
    expect(features).not.toContain(3);
  });

  it('without anything to split by ends at once with the base rate', () => {
    const ensemble = fit({ ...rows, matrix: new Float32Array(rows.matrix.length) });
    expect(ensemble.trees).toHaveLength(1);
    const share = rows.labels.reduce((sum, label) => sum + label, 0) / 300;
    expect(scoreEnsemble(ensemble, new Float32Array(4), 1)[0]).toBeCloseTo(share, 5);
  });

  it('of a million categories keeps the most frequent ones', () => {
    const count = 1_000_000;
    const codes = Float32Array.from({ length: count + 30_000 }, (_unused, row) => (row < count ? row : row % 3));
    const labels = Float32Array.from(codes, (code) => Number(code === 1));
    const ensemble = trainGradientBoosting({
      matrix: codes,
      labels,
      rows: codes.length,
      columns: 1,
      task: 'binary',
      outputs: 1,
      categorical: [0],
      parameters: parameters({ trees: 1, depth: 1 }),
      seed: 1,
    });
    expect([...(ensemble.trees[0]?.leftCodes.get(0) ?? [])]).toEqual([1]);
  });

  it.each([
    ['a class index beyond the classes', { task: 'multiclass', outputs: 2, labels: Float32Array.of(0, 1, 2) }],
    ['an infinite value', { task: 'regression', outputs: 1, labels: Float32Array.of(0, 1, Infinity) }],
    [
      'a weight of zero',
      { task: 'binary', outputs: 1, labels: Float32Array.of(0, 1, 1), weights: Float32Array.of(1, 1, 0) },
    ],
  ] as const)('of %s is refused with the row', (...[, data]) => {
    const matrix = Float32Array.of(1, 2, 3);
    expect(() =>
      trainGradientBoosting({ ...data, matrix, rows: 3, columns: 1, parameters: parameters(), seed: 1 }),
    ).toThrow(
      expect.objectContaining({
        code: 'PRN_TRAINING_INVALID_PARAMETER',
        details: expect.objectContaining({ parameter: expect.stringContaining('of row 2') }),
      }),
    );
  });

  it('of one class is refused in a multiclass model too', () => {
    const data = { ...rows, task: 'multiclass', outputs: 3, labels: new Float32Array(300).fill(2) } as const;
    expect(() => fit(data)).toThrow(expect.objectContaining({ code: 'PRN_TRAINING_ONE_CLASS' }));
  });
});
