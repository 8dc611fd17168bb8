/** Gradient boosting that can be stopped and resumed: a few trees at a time, a checkpoint after each slice. */
import { type TrainGradientBoostingInput, trainGradientBoosting } from '../../ml/training/gbdt/trainer.js';
import type { TreeEnsemble } from '../../ml/training/tree-ensemble.js';
import type { JobContext } from './context.js';
import { loadCheckpoint, saveCheckpoint } from './training-checkpoint.js';

/** Trees between checkpoints. Later slices grow with the ensemble, since each begins by scoring all earlier trees. */
const SLICE_TREES = 25;
const SLICE_GROWTH = 0.25;

export interface SlicedBoosting {
  /** Names the run: a checkpoint of another one is ignored. */
  readonly key: string;
  readonly training: Omit<TrainGradientBoostingInput, 'onIteration' | 'shouldStop' | 'resumeFrom'>;
}

/**
 * Trains as one uninterrupted run would. The trainer is synchronous, so between slices the thread hears of a
 * cancellation, stores the trees and reports them as checkpoint.
 */
export async function boostInSlices(context: JobContext, { key, training }: SlicedBoosting): Promise<TreeEnsemble> {
  const { artifacts, progress, signal } = context;
  const wanted = training.parameters.trees;
  let ensemble = await loadCheckpoint(artifacts, key, context.resumeFrom);
  for (;;) {
    const grown = ensemble?.trees.length ?? 0;
    const sliceEnd = grown + Math.max(SLICE_TREES, Math.floor(grown * SLICE_GROWTH));
    let iteration = grown;
    ensemble = trainGradientBoosting({
      ...training,
      ...(ensemble === null ? {} : { resumeFrom: { ensemble } }),
      shouldStop: () => iteration >= sliceEnd,
      onIteration: (done) => {
        iteration = done.iteration;
        progress({
          message: `tree ${done.iteration} of ${done.iterations}, training log loss ${done.trainingLoss.toFixed(4)}`,
        });
      },
    });
    if (ensemble.trees.length >= wanted) return ensemble;
    const checkpoint = await saveCheckpoint(artifacts, key, ensemble);
    progress({ message: `checkpoint after ${checkpoint.iteration} trees`, checkpoint });
    // Messages from the pool are heard only when the event loop turns.
    await new Promise<void>((resolve) => setImmediate(resolve));
    signal.throwIfAborted();
  }
}
