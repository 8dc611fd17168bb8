/** Built-in trainers with their parameters, and the fit of those that are fitted at once. */
import { type BuiltInParameters, parseTrainerParameters } from '../../domain/trainer-parameters.js';
import type { BuiltInTrainer } from '../../domain/trainer.js';
import type { Task } from '../../domain/task.js';
import { trainBaseline } from './baseline/trainer.js';
import { trainLinear } from './linear/trainer.js';
import type { TrainedForm } from './trained-form.js';

/** A trainer with its parameters, checked by `parseTrainerParameters`. */
export type Trainer = {
  readonly [K in BuiltInTrainer]: {
    readonly kind: K;
    readonly parameters: BuiltInParameters[K];
    readonly seed: number;
  };
}[BuiltInTrainer];

/** A declared trainer with its parameters checked. Throws `PRN_TRAINING_INVALID_PARAMETER`. */
export function builtInTrainer(spec: {
  readonly kind: BuiltInTrainer;
  readonly parameters: unknown;
  readonly seed: number;
}): Trainer {
  const { kind, parameters, seed } = spec;
  switch (kind) {
    case 'gbdt':
      return { kind, parameters: parseTrainerParameters(kind, parameters), seed };
    case 'linear':
      return { kind, parameters: parseTrainerParameters(kind, parameters), seed };
    case 'baseline':
      return { kind, parameters: parseTrainerParameters(kind, parameters), seed };
  }
}

export interface TrainingData {
  readonly task: Task;
  /** Of a multiclass task; empty otherwise. */
  readonly classes: readonly string[];
  /** Row-major rows × features, NaN where a value is missing; rows in order of time. */
  readonly matrix: Float32Array;
  readonly rows: number;
  readonly columns: number;
  /** Names of the features. */
  readonly names: readonly string[];
  /** Columns that hold the codes of an encoded text. */
  readonly categorical: readonly number[];
  /** 0 or 1, class index, or value. */
  readonly labels: Float32Array;
  readonly weights?: Float32Array;
  /** Marks the rows (1) that early stopping validates on; never rows of the holdout. */
  readonly validation?: Uint8Array;
}

export interface TrainInput {
  /** Gradient boosting is fitted iteration by iteration: see `startGradientBoosting`. */
  readonly trainer: Exclude<Trainer, { kind: 'gbdt' }>;
  readonly data: TrainingData;
  readonly onIteration?: (progress: TrainingStep) => void;
}

export interface TrainingStep {
  readonly iteration: number;
  /** Mean loss over the training rows. */
  readonly loss: number;
}

/**
 * Fits the form by trainer kind; deterministic, no files. Throws `PRN_TRAINING_NO_ROWS`, `PRN_TRAINING_ONE_CLASS` or
 * `PRN_TRAINING_INVALID_PARAMETER`.
 */
export function train({ trainer, data, onIteration }: TrainInput): TrainedForm {
  const fitted = fittedRows(data);
  const report = onIteration && { onIteration };
  switch (trainer.kind) {
    case 'linear':
      return { kind: 'linear', model: trainLinear({ ...fitted, parameters: trainer.parameters, ...report }) };
    case 'baseline':
      return { kind: 'table', model: trainBaseline({ ...fitted, parameters: trainer.parameters }) };
  }
}

/** The data as the trainers name it. */
export function fittedRows({ classes, ...data }: TrainingData): Omit<TrainingData, 'classes'> & { outputs: number } {
  return { ...data, outputs: data.task === 'multiclass' ? classes.length : 1 };
}
