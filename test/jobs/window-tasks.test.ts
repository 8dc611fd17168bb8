import { describe, expect, it } from 'vitest';
import { measure } from '../../activities/jobs/monitor-measurement.js';
import { withHoldoutPredictions, profileTraining } from '../../activities/jobs/reference-profile.js';
import { gatherStepEvidence } from '../../activities/jobs/step-evidence.js';
import { summariseVersion } from '../../activities/jobs/window-metrics.js';
import { rowsByVersion } from '../../activities/jobs/window-rows.js';
import type { ModelProfile } from '../../domain/model-profile.js';
import { MonitorSpec } from '../../domain/monitors.js';
import { type Outcome, outcomeOf, type PredictionBucket } from '../../domain/prediction.js';
import type { TaskShape } from '../../domain/task.js';
import { bucketOf } from './prediction-rows.js';

const REGRESSION: TaskShape = { task: 'regression', classes: [] };
const COLOURS: TaskShape = { task: 'multiclass', classes: ['blue', 'red'] };

/** Rows of version 1 with event times 0, 1, 2 …, in the shape of a task. */
function bucket(shape: TaskShape, scores: number[], decision: number[]): PredictionBucket {
  const rows = decision.map((_decision, index) => ({ id: `${index}`, eventTs: index, version: 1, probability: 0 }));
  return {
    ...bucketOf(rows, { routeRev: 1 }),
    ...shape,
    scores: Float32Array.from(scores),
    decision: Uint16Array.from(decision),
  };
}

function referenceOf(shape: TaskShape, scores: number[]): ModelProfile {
  const empty = profileTraining(
    { inputs: [], features: [], encodings: [] },
    { eventTs: new Float64Array(), columns: {} },
    { scores: new Float32Array(), shape },
  );
  return withHoldoutPredictions(empty, { scores: Float32Array.from(scores), shape });
}

function windowOf(logged: PredictionBucket, labels: [string, Outcome][], reference: ModelProfile) {
  const [rows] = rowsByVersion({ buckets: [logged], labels: new Map(labels), windowStart: 0, windowEnd: 100 });
  if (rows === undefined) throw new Error('no rows');
  const { metrics, profile } = summariseVersion(rows, reference);
  return { metrics, prediction: profile.prediction };
}

describe('windows of a regression', () => {
  const reference = referenceOf(REGRESSION, [1, 2, 3, 4]);
  const first = windowOf(
    bucket(REGRESSION, [1, 2, 3, 9], [0, 0, 0, 0]),
    [
      ['0', 2],
      ['1', 2],
      ['2', 1],
    ],
    reference,
  );

  it('have RMSE, MAE and bias over rows with a value, and no scores of classifiers', () => {
    // Errors −1, 0 and 2: mean square 5/3, mean absolute 1, bias 1/3.
    expect(first.metrics).toMatchObject({
      rows: 4,
      labelled: 3,
      rmse: Math.sqrt(5 / 3),
      mae: 1,
      calibrationGap: 1 / 3,
      accuracy: null,
      rocAuc: null,
      logLoss: null,
    });
    const shifted = windowOf(bucket(REGRESSION, [9, 9, 9, 9], [0, 0, 0, 0]), [], reference);
    expect([first.metrics.psiPrediction, (shifted.metrics.psiPrediction ?? 0) > 1]).toEqual([0, true]);
  });

  it('add their squared errors', () => {
    const second = windowOf(bucket(REGRESSION, [5], [0]), [['0', 2]], reference);
    const monitor = MonitorSpec.parse({ endpoint: 'e', window: '1d', metric: 'rmse', over: 2, effect: { min: 1 } });
    // Squares 1, 0, 4 and 9 over four rows.
    expect(measure(monitor, [first, second], reference)).toMatchObject({ value: Math.sqrt(14 / 4), rows: 4 });
    expect(measure({ ...monitor, metric: 'mae' }, [first, second], reference)).toMatchObject({ value: 6 / 4, rows: 4 });
  });

  it('judge a rollout by squared errors of both versions on the same rows', () => {
    const buckets = [{ ...bucket(REGRESSION, [1, 2], [0, 0]), shadow: { 2: Float32Array.of(3, 2) } }];
    const evidence = gatherStepEvidence({
      rolloutId: 'r',
      step: 0,
      rev: 1,
      version: 2,
      fromVersion: 1,
      clock: 'event',
      startedAt: 0,
      now: 10,
      buckets,
      labels: new Map([
        ['0', 1],
        ['1', 0],
      ]),
    });
    // Version 2 erred by 2 and 2, version 1 by 0 and 2: harms 4 and 0.
    expect(evidence.paired).toMatchObject({ rows: 2, meanHarm: 2 });
  });
});

describe('windows of a model with classes', () => {
  const reference = referenceOf(COLOURS, [0.5, 0.25, 0.75, 0.25]);

  it('have accuracy, log loss over the true class, and the gap between confidence and accuracy', () => {
    const scores = [0.75, 0.25, 0.5, 0.5, 0.25, 0.75];
    const labels: [string, Outcome][] = [
      ['0', 'blue'],
      ['1', 'red'],
      ['2', 'green'],
    ];
    const { metrics } = windowOf(bucket(COLOURS, scores, [0, 0, 1]), labels, reference);
    // A class the model does not know had probability 0, which log loss takes for 1e-7.
    const logLoss = -(Math.log(0.75) + Math.log(0.5) + Math.log(1e-7)) / 3;
    expect(metrics).toMatchObject({ labelled: 3, accuracy: 1 / 3, precision: null, rmse: null });
    expect(metrics.logLoss).toBeCloseTo(logLoss, 6);
    // Confidences 0.75, 0.5 and 0.75; one of three was right.
    expect(metrics.calibrationGap).toBeCloseTo((2 - 1) / 3, 12);
  });

  it('compare the classes decided for with those of the holdout', () => {
    const same = windowOf(bucket(COLOURS, [0.75, 0.25, 0.75, 0.25], [0, 0]), [], reference);
    const other = windowOf(bucket(COLOURS, [0.25, 0.75, 0.25, 0.75], [1, 1]), [], reference);
    expect([same.metrics.psiPrediction, (other.metrics.psiPrediction ?? 0) > 1]).toEqual([0, true]);
  });
});

describe('labels', () => {
  it.each([
    [
      'binary',
      [
        [1, 1],
        [false, 0],
        [0.5, null],
        ['1', null],
      ],
    ],
    [
      'multiclass',
      [
        ['red', 'red'],
        [3, '3'],
        [true, 'true'],
        [0.5, null],
      ],
    ],
    [
      'regression',
      [
        [-2.5, -2.5],
        [true, 1],
        ['2', null],
      ],
    ],
  ] as const)('of a %s model', (task, cases) => {
    expect(cases.map(([label]) => outcomeOf(task, label))).toEqual(cases.map(([, outcome]) => outcome));
  });
});
