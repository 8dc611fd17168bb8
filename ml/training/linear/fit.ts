/** What fitting leaves: coefficients of a design, and what their errors are computed from. */
import type { Factor } from '../solve.js';
import type { Design, DesignRows } from './design.js';
import type { LinearParameters } from '../../../domain/trainer-parameters.js';

export interface LinearInput extends DesignRows {
  readonly labels: Float32Array;
  /** Classes of a multiclass task; otherwise 1. */
  readonly outputs: number;
  readonly parameters: LinearParameters;
  readonly onIteration?: (progress: { readonly iteration: number; readonly loss: number }) => void;
}

/** Covariance of the coefficients is `scale` · A⁻¹ · information · A⁻¹, with A the information and the ridge. */
export interface Covariance {
  readonly factor: Factor;
  readonly information: Float64Array;
  readonly scale: number;
  /** Of the t distribution of an estimate over its error; infinite for a normal one. */
  readonly degreesOfFreedom: number;
}

export interface Fit {
  readonly design: Design;
  /** By output and design column. */
  readonly coefficients: Float64Array;
  /** Null where it would take too long. */
  readonly covariance: Covariance | null;
  readonly iterations: number;
  readonly converged: boolean;
}
