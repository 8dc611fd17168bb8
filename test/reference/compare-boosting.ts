/** Our gradient boosting and HistGradientBoosting on the same folds. */
import { GbdtParameters } from '../../domain/gbdt-parameters.js';
import { trainGradientBoosting } from '../../ml/training/gbdt/trainer.js';
import { scoreEnsemble } from '../../ml/training/score.js';
import { readData, RECORDED, type ReferenceData, takeRows } from './reference.js';

/** What HistGradientBoosting does unless it is told otherwise: 100 iterations, 31 leaves of any depth, no ridge. */
const SCIKIT_LEARN_DEFAULTS = GbdtParameters.parse({ trees: 100, depth: 64, l2: 0 });

/** Mean of our score less theirs over all folds of so many repeats. */
export function meanDifference(name: string, repeats: number): number {
  const recorded = RECORDED.boosting[name];
  if (recorded === undefined) throw new Error(`nothing is recorded of ${name}`);
  const data = readData(name);
  const differences = recorded.folds.slice(0, repeats).flatMap((folds, repeat) =>
    (recorded.scores[repeat] ?? []).map((theirs, fold) => {
      const rowsWhere = (held: boolean): number[] =>
        Array.from({ length: data.rows }, (_unused, row) => row).filter(
          (row) => (folds[row] === String(fold)) === held,
        );
      return score(recorded, takeRows(data, rowsWhere(false)), takeRows(data, rowsWhere(true))) - theirs;
    }),
  );
  return differences.reduce((sum, difference) => sum + difference, 0) / differences.length;
}

function score(
  { task }: { task: 'binary' | 'multiclass' | 'regression' },
  train: ReferenceData,
  test: ReferenceData,
): number {
  const outputs = task === 'multiclass' ? Math.max(...train.labels) + 1 : 1;
  const ensemble = trainGradientBoosting({ ...train, task, outputs, parameters: SCIKIT_LEARN_DEFAULTS, seed: 1 });
  const answers = scoreEnsemble(ensemble, test.matrix, test.rows);
  return task === 'regression' ? rSquared(answers, test.labels) : accuracy(answers, test.labels);
}

function accuracy(answers: Float32Array, labels: Float32Array): number {
  const width = answers.length / labels.length;
  const right = labels.filter((label, row) => {
    const own = answers.subarray(row * width, (row + 1) * width);
    return label === (width === 1 ? Number((own[0] ?? 0) >= 0.5) : own.indexOf(Math.max(...own)));
  });
  return right.length / labels.length;
}

function rSquared(answers: Float32Array, labels: Float32Array): number {
  const mean = labels.reduce((sum, label) => sum + label, 0) / labels.length;
  const squares = (against: (row: number) => number): number =>
    labels.reduce((sum, label, row) => sum + (label - against(row)) ** 2, 0);
  return 1 - squares((row) => answers[row] ?? 0) / squares(() => mean);
}
