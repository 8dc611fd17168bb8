/** Trains an ensemble to its end: all iterations, or fewer where the inner validation part stops getting better. */
import type { GbdtParameters } from '../../../domain/gbdt-parameters.js';
import type { Task } from '../../../domain/task.js';
import type { TreeEnsemble } from '../tree-ensemble.js';
import { Booster, type BoosterRows } from './booster.js';
import { EarlyStopping } from './early-stopping.js';
import { objectiveOf } from './objective.js';
import { type ShardTeams, soloTeams } from './team.js';
import { partRows } from './validation-rows.js';

export interface TrainingProgress {
  readonly iteration: number;
  readonly iterations: number;
  /** Mean loss over the training rows, before this iteration's trees. */
  readonly trainingLoss: number;
  /** Mean loss over the inner validation part after this iteration, where there is one. */
  readonly validationLoss?: number;
}

export interface TrainGradientBoostingInput extends BoosterRows {
  readonly task: Task;
  /** Classes of a multiclass task; otherwise 1. */
  readonly outputs: number;
  readonly parameters: GbdtParameters;
  readonly seed: number;
  /** Marks the rows (1) that early stopping validates on. Left out: the last `validationShare` of the rows. */
  readonly validation?: Uint8Array;
  /** Called after each iteration. */
  readonly onIteration?: (progress: TrainingProgress) => void;
  /** Who does the work; the calling thread when left out. */
  readonly teams?: ShardTeams;
  /** The trees of an earlier attempt with the same input. */
  readonly resumeFrom?: TreeEnsemble;
}

/** A training that can be driven piece by piece. */
export interface GradientBoosting {
  /** True when all iterations are done, or early stopping has ended training. */
  readonly done: boolean;
  readonly iterations: number;
  /** Grows the trees of one more iteration. */
  advance(): void;
  /** All trees so far: what a checkpoint keeps. */
  grown(): TreeEnsemble;
  /** The model: after early stopping, the trees up to the best iteration. */
  result(): TreeEnsemble;
  /** Lets go of threads. */
  end(): void;
}

/**
 * Prepares a training. Throws `PRN_TRAINING_NO_ROWS`, `PRN_TRAINING_ONE_CLASS` or `PRN_TRAINING_INVALID_PARAMETER`;
 * `advance` throws `PRN_TRAINING_DIVERGED`.
 */
export function startGradientBoosting(input: TrainGradientBoostingInput): GradientBoosting {
  const { parameters, task, outputs, onIteration } = input;
  const { fit, held } = parameters.earlyStopping > 0 ? partRows(input) : { fit: input, held: null };
  const booster = new Booster({ ...input, ...fit, teams: input.teams ?? soloTeams() });
  const objective = objectiveOf(task, parameters);
  const stopping = held && new EarlyStopping({ held, objective, patience: parameters.earlyStopping }, booster.ensemble);
  const allDone = (): boolean => booster.iterations >= parameters.trees || booster.stuck || stopping?.ended === true;
  return {
    get done() {
      return allDone();
    },
    get iterations() {
      return booster.iterations;
    },
    advance() {
      const trainingLoss = booster.advance();
      const newTrees = booster.ensemble.trees.slice(-outputs);
      const validationLoss = stopping?.observe(newTrees);
      onIteration?.({
        iteration: booster.iterations,
        iterations: parameters.trees,
        trainingLoss,
        ...(validationLoss === undefined ? {} : { validationLoss }),
      });
    },
    grown: () => booster.ensemble,
    result() {
      const { ensemble } = booster;
      return stopping === null ? ensemble : { ...ensemble, trees: ensemble.trees.slice(0, stopping.best * outputs) };
    },
    end: () => booster.end(),
  };
}

/** Trains in one go; throws what {@link startGradientBoosting} and `advance` throw. */
export function trainGradientBoosting(input: TrainGradientBoostingInput): TreeEnsemble {
  const boosting = startGradientBoosting(input);
  try {
    while (!boosting.done) boosting.advance();
    return boosting.result();
  } finally {
    boosting.end();
  }
}
