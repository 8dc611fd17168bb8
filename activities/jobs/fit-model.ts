/** Fits a built-in trainer as a job: with progress, stopped when the job is cancelled, resumed from the last checkpoint. */
import { type GradientBoosting, startGradientBoosting } from '../../ml/training/gbdt/trainer.js';
import { fittedRows, train, type Trainer, type TrainingData } from '../../ml/training/train.js';
import type { TrainedForm } from '../../ml/training/trained-form.js';
import type { JobContext } from './context.js';
import { loadCheckpoint, saveCheckpoint, type TrainingCheckpoint } from './training-checkpoint.js';

/** Iterations between checkpoints. */
const SLICE_ITERATIONS = 25;

export interface ModelFitting {
  /** Names the run: a checkpoint of another one is ignored. */
  readonly key: string;
  readonly trainer: Trainer;
  readonly data: TrainingData;
}

/**
 * Fits as one uninterrupted run would. Throws what {@link train} throws, and the reason of the signal. Trainers are
 * synchronous: gradient boosting hears of a cancellation between slices of its iterations, and stores its trees there.
 */
export async function fitModel(context: JobContext, { key, trainer, data }: ModelFitting): Promise<TrainedForm> {
  const { progress } = context;
  if (trainer.kind === 'gbdt') return boostInSlices(context, { key, trainer, data });
  return train({
    trainer,
    data,
    onIteration: ({ iteration, loss }) =>
      progress({
        message: `iteration ${iteration}, training loss ${loss.toFixed(4)}`,
        metrics: { training_loss: loss },
        step: iteration,
      }),
  });
}

async function boostInSlices(
  context: JobContext,
  { key, trainer, data }: ModelFitting & { readonly trainer: Extract<Trainer, { kind: 'gbdt' }> },
): Promise<TrainedForm> {
  const { artifacts, progress, boosting: teams } = context;
  const found = await loadCheckpoint(artifacts, key, context.resumeFrom);
  const resumeFrom = found.trees;
  if (typeof found.unusable === 'string')
    progress({ message: `starting anew: the checkpoint ${found.unusable}`, warning: true });
  const boosting = startGradientBoosting({
    ...fittedRows(data),
    parameters: trainer.parameters,
    seed: trainer.seed,
    ...(teams && { teams }),
    ...(resumeFrom && { resumeFrom }),
    onIteration: ({ iteration, iterations, trainingLoss, validationLoss }) => {
      const validated = validationLoss === undefined ? '' : `, validation loss ${validationLoss.toFixed(4)}`;
      progress({
        message: `tree ${iteration} of ${iterations}, training loss ${trainingLoss.toFixed(4)}${validated}`,
        metrics: {
          training_loss: trainingLoss,
          ...(validationLoss !== undefined && { validation_loss: validationLoss }),
        },
        step: iteration,
      });
    },
  });
  try {
    await boostToEnd(context, { key, earlier: found.trees === null ? null : found.checkpoint }, boosting);
    return { kind: 'trees', ensemble: boosting.result() };
  } finally {
    boosting.end();
  }
}

async function boostToEnd(
  { artifacts, progress, signal }: JobContext,
  { key, earlier }: { readonly key: string; readonly earlier: TrainingCheckpoint | null },
  boosting: GradientBoosting,
): Promise<void> {
  let checkpoint = earlier;
  while (!boosting.done) {
    const sliceEnd = boosting.iterations + SLICE_ITERATIONS;
    while (!boosting.done && boosting.iterations < sliceEnd) boosting.advance();
    if (boosting.done) return;
    checkpoint = await saveCheckpoint(artifacts, { key, earlier: checkpoint }, boosting.grown());
    progress({ message: `checkpoint after ${checkpoint.iteration} trees`, checkpoint });
    // Messages from the pool are heard only when the event loop turns.
    await new Promise<void>((resolve) => setImmediate(resolve));
    signal.throwIfAborted();
  }
}
