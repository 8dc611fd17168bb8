/** Rolling origin: several holdouts in a row, each scored by a model that was trained on what came before it. */
import { DomainError } from '../../domain/errors.js';
import { type Fold, foldsOf } from '../../domain/split.js';
import { scoreWidth, type TaskShape } from '../../domain/task.js';
import { micros, toIso } from '../../domain/time.js';
import type { FittedModel } from './bundle-writing.js';
import type { JobContext } from './context.js';
import { joinRows, type ModelRows, sliceRows } from './model-rows.js';
import { scoreModel } from './model-scoring.js';
import { fittedOn, readPart, type TrainingParts } from './training-parts.js';

/** Fits one model; `fold` counts from 0. */
export type FitModel = (parts: TrainingParts, fold: number) => Promise<FittedModel>;

/** Any threshold: scores do not depend on it. */
const SOME_THRESHOLD = 0.5;

/**
 * Fits one model where the split has one holdout. Otherwise one for each fold, on the training part and the holdout rows
 * that lie far enough before the fold; what comes back is the last one, which knows most, with the scores of all folds.
 * Throws `PRN_TRAINING_NO_ROWS` for a fold without rows to train on.
 */
export async function fitByFolds(
  context: JobContext,
  parts: TrainingParts,
  fit: FitModel,
): Promise<{ parts: TrainingParts; model: FittedModel }> {
  const { snapshot, dataset } = parts;
  const folds = foldsOf(snapshot.spec, snapshot.split);
  if (folds.length <= 1) return { parts, model: await fit(parts, 0) };
  const holdout = await readPart(context, dataset.holdout, parts);
  const shape: TaskShape = { task: snapshot.spec.task, classes: dataset.classes };
  const width = scoreWidth(shape);
  const foldScores = new Float32Array(holdout.rows * width);
  let last: { parts: TrainingParts; model: FittedModel } | null = null;
  for (const [index, fold] of folds.entries()) {
    context.signal.throwIfAborted();
    const foldParts = fittedOn(parts, rowsBefore(fold, { train: parts.train, holdout }));
    context.progress({ message: `fold ${index + 1} of ${folds.length}: ${foldParts.train.rows} training rows` });
    const model = await fit(foldParts, index);
    const [first, end] = [rowAt(holdout, fold.from), rowAt(holdout, fold.to)];
    const runnable = { ...shape, graphs: model.graphsWith(SOME_THRESHOLD) };
    foldScores.set(await scoreModel(context, runnable, sliceRows(holdout, first, end)), first * width);
    last = { parts: foldParts, model: { ...model, foldScores } };
  }
  if (last === null) throw new DomainError('PRN_TRAINING_NO_ROWS', { reason: 'the split has no fold' });
  return last;
}

/** Rows that the model of a fold may know. */
function rowsBefore(
  { trainFrom, trainTo }: Fold,
  { train, holdout }: { train: ModelRows; holdout: ModelRows },
): ModelRows {
  const before = joinRows(train, sliceRows(holdout, 0, rowAt(holdout, trainTo)));
  const rows = sliceRows(before, rowAt(before, trainFrom), before.rows);
  if (rows.rows > 0) return rows;
  const from = toIso(micros(trainFrom));
  throw new DomainError('PRN_TRAINING_NO_ROWS', { reason: `no row from ${from} on lies before one of the folds` });
}

/** Number of the first row at or after a time; rows are in order of time. */
function rowAt({ eventTs, rows }: ModelRows, time: number): number {
  const found = eventTs.findIndex((each) => each >= time);
  return found < 0 ? rows : found;
}
