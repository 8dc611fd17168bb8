/**
 * Golden values: scikit-learn 1.9.1 on the same rows (`roc_auc_score`, `average_precision_score`, `log_loss`,
 * `brier_score_loss`, `precision_recall_fscore_support`, …; KS also by `scipy.stats.ks_2samp`); what scikit-learn lacks
 * (ECE over ten bins of equal mass, lift, cost, calibration gap) by a few lines of NumPy.
 */
import { describe, expect, it } from 'vitest';
import { binaryStatistic, calibrationBins, confusionOf } from '../../../ml/evaluation/binary-statistic.js';
import { multiclassDetails, multiclassStatistic } from '../../../ml/evaluation/multiclass-statistic.js';
import { regressionStatistic } from '../../../ml/evaluation/regression-statistic.js';
import type { Statistic } from '../../../ml/evaluation/statistic.js';

const ROWS = 40;
const rows = Array.from({ length: ROWS }, (_unused, row) => row);
const weights = Float32Array.from(rows, (row) => 1 + (row % 4) * 0.5);

function measure(statistic: Statistic, counts = new Uint16Array(ROWS).fill(1)): Record<string, number> {
  const into = new Float64Array(statistic.metrics.length);
  statistic.measure(counts, into);
  return Object.fromEntries(statistic.metrics.map((metric, position) => [metric, into[position] ?? Number.NaN]));
}

function expectClose(values: Record<string, number>, golden: Record<string, number>): void {
  for (const [name, value] of Object.entries(golden)) expect(values[name], name).toBeCloseTo(value, 6);
}

const binary = {
  // Fifty scores in [0.05, 0.95), every seventh row tied at 0.5.
  probabilities: Float32Array.from(rows, (row) => (row % 7 === 0 ? 0.5 : (((row * 37) % 50) / 50) * 0.9 + 0.05)),
  labels: rows.map((row) => ((row * row + 3 * row) % 5 < 2 ? 1 : 0)),
  threshold: 0.5,
  costs: { truePositive: 0, falsePositive: 1, trueNegative: 0, falseNegative: 5 },
};

describe('metrics of a binary model', () => {
  it('are those of scikit-learn', () => {
    expectClose(measure(binaryStatistic(binary)), {
      roc_auc: 0.5286458333333333,
      pr_auc: 0.4574035059032722,
      log_loss: 0.8294541401603451,
      brier: 0.29891050184261814,
      accuracy: 0.525,
      precision: 0.43478260869565216,
      recall: 0.625,
      f1: 0.5128205128205128,
      calibration_gap: 0.11125000044703484,
      expected_calibration_error: 0.23135000094771385,
      ks: 0.16666666666666666,
      lift: 0.625,
      cost: 1.075,
      base_rate: 0.4,
    });
    expect(confusionOf(binary)).toEqual({ truePositive: 10, falsePositive: 13, trueNegative: 11, falseNegative: 6 });
  });

  it('are those of scikit-learn with weights', () => {
    expectClose(measure(binaryStatistic({ ...binary, weights })), {
      roc_auc: 0.5632440476190477,
      pr_auc: 0.4912093286821548,
      log_loss: 0.797455160497247,
      brier: 0.28608228821911147,
      accuracy: 0.5571428571428572,
      precision: 0.45714285714285713,
      recall: 0.5714285714285714,
      f1: 0.5079365079365079,
      calibration_gap: 0.07300000063010624,
      ks: 0.22023809523809523,
      cost: 1.1285714285714286,
    });
  });

  it('name the threshold with the greatest F1, or with the least cost where costs are given', () => {
    const { costs: _costs, ...plain } = binary;
    const withoutCosts = measure(binaryStatistic(plain));
    expect(withoutCosts['best_threshold']).toBeCloseTo(0.23, 6);
    expect(withoutCosts).not.toHaveProperty('cost');
    const cheapest = measure(binaryStatistic(binary))['best_threshold'] ?? 0;
    const costAt = (threshold: number) => measure(binaryStatistic({ ...binary, threshold }))['cost'] ?? 0;
    const costs = binary.probabilities.toSorted().map(costAt);
    expect(costAt(cheapest)).toBeCloseTo(Math.min(...costs), 6);
  });

  it('count a row that is taken twice like two rows, and one that is not taken like none', () => {
    const counts = Uint16Array.from(rows, (row) => row % 3);
    const taken = rows.flatMap((row) => Array.from({ length: row % 3 }, () => row));
    const repeated = {
      ...binary,
      probabilities: Float32Array.from(taken, (row) => binary.probabilities[row] ?? 0),
      labels: taken.map((row) => binary.labels[row] ?? 0),
    };
    const { expected_calibration_error: _bins, ...plain } = measure(
      binaryStatistic(repeated),
      new Uint16Array(taken.length).fill(1),
    );
    expectClose(measure(binaryStatistic(binary), counts), plain);
  });

  it('have a calibration error that is the mean gap of the bins a plot shows, equal scores in one of them', () => {
    const tied = { ...binary, probabilities: binary.probabilities.map((p) => Math.round(p * 5) / 5) };
    for (const judged of [binary, tied]) {
      const bins = calibrationBins(judged);
      const gap = bins.reduce(
        (sum, { predicted, observed, rows: size }) => sum + size * Math.abs(predicted - observed),
        0,
      );
      expect(gap / ROWS).toBeCloseTo(measure(binaryStatistic(judged))['expected_calibration_error'] ?? 0, 9);
    }
    expect(calibrationBins(tied).length).toBeLessThanOrEqual(6);
    // Means by weight: of two rows with the weights 3 and 1.
    const two = { probabilities: Float32Array.of(0.5, 0.5), labels: [1, 0], weights: Float32Array.of(3, 1) };
    expect(calibrationBins(two)).toEqual([{ predicted: 0.5, observed: 0.75, rows: 2 }]);
  });

  it('are not defined where a class is absent', () => {
    const values = measure(binaryStatistic({ ...binary, labels: rows.map(() => 0) }));
    for (const metric of ['roc_auc', 'pr_auc', 'ks', 'lift']) expect(values[metric], metric).toBeNaN();
    expect(values['recall']).toBe(0);
  });
});

const CLASSES = ['a', 'b', 'c'];
const scores = rows.flatMap((row) => {
  const raw = CLASSES.map((_name, position) => ((row * (3 + position * 4) + position * 5) % 11) + 1);
  const total = raw.reduce((sum, value) => sum + value, 0);
  return raw.map((value) => value / total);
});
const multiclass = {
  classes: CLASSES,
  probabilities: Float32Array.from(scores),
  labels: rows.map((row) => ((row * 7) % 10) % 3),
};

describe('metrics of a multiclass model', () => {
  it('are those of scikit-learn', () => {
    expectClose(measure(multiclassStatistic(multiclass)), {
      accuracy: 0.375,
      log_loss: 1.2344156959496708,
      brier: 0.7439054286531517,
      macro_precision: 0.44144144144144143,
      macro_recall: 0.3958333333333333,
      macro_f1: 0.26852846401718583,
      micro_f1: 0.375,
      weighted_precision: 0.49729729729729727,
      weighted_recall: 0.375,
      weighted_f1: 0.2732545649838883,
      calibration_gap: 0.1391319952905178,
    });
  });

  it('are those of scikit-learn with weights', () => {
    expectClose(measure(multiclassStatistic({ ...multiclass, weights })), {
      accuracy: 0.37142857142857144,
      log_loss: 1.2320682414517978,
      macro_f1: 0.2763772175536881,
      weighted_precision: 0.48928571428571427,
      weighted_f1: 0.2772308923569428,
      calibration_gap: 0.1422527436699186,
    });
  });

  it('are shown by class, with what was taken for what', () => {
    const { classes, confusion } = multiclassDetails(multiclass, 3);
    const [first, second, third] = classes;
    expect(first).toMatchObject({ class: 'a', precision: 1, recall: 0.1875, support: 16 });
    expect(second).toEqual({ class: 'b', precision: 0, recall: 0, f1: 0, support: 12 });
    expect(third?.precision).toBeCloseTo(0.32432432432432434, 10);
    // confusion_matrix: [[3, 0, 13], [0, 0, 12], [0, 0, 12]]
    expect(confusion).toEqual([
      { label: 'a', decided: 'c', rows: 13 },
      { label: 'b', decided: 'c', rows: 12 },
      { label: 'c', decided: 'c', rows: 12 },
    ]);
  });
});

const regression = {
  values: Float32Array.from(rows, (row) => 50 + ((row * 13) % 17) * 2.5),
  labels: Float32Array.from(rows, (row) => 48 + ((row * 13) % 17) * 2.4 + (((row * 5) % 7) - 3) * 2),
};

describe('metrics of a regression', () => {
  it('are those of scikit-learn, with and without weights', () => {
    const plain = { rmse: 4.91080379, mae: 4.11499929, mape: 0.06753971, r2: 0.85997832, bias: 2.78500013 };
    const weighted = { rmse: 5.01291138, mae: 4.22428518, mape: 0.06752923, r2: 0.8478497, bias: 2.97714293 };
    for (const [name, value] of Object.entries(plain))
      expect(measure(regressionStatistic(regression))[name], name).toBeCloseTo(value, 5);
    for (const [name, value] of Object.entries(weighted))
      expect(measure(regressionStatistic({ ...regression, weights }))[name], name).toBeCloseTo(value, 5);
  });

  it('keep their digits far from zero, and have no R² where all labels are equal', () => {
    const far = {
      values: regression.values.map((value) => value + 1e6),
      labels: regression.labels.map((value) => value + 1e6),
    };
    expect(measure(regressionStatistic(far))['r2']).toBeCloseTo(0.86, 1);
    const constant = measure(regressionStatistic({ ...regression, labels: rows.map(() => 7) }));
    expect(constant['r2']).toBeNaN();
  });
});
