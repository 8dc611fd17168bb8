/** What plots are drawn from: too much for the evidence of a decision, kept beside it as an artefact. */
import { z } from 'zod';
import { ArtifactRef } from './artifact.js';
import { Task } from './task.js';

const Point = z.strictObject({ x: z.number(), y: z.number() });
export type Point = z.infer<typeof Point>;

export const CalibrationBin = z.strictObject({
  /** Mean prediction and share of positives. */
  predicted: z.number(),
  observed: z.number(),
  rows: z.number().int().positive(),
});
export type CalibrationBin = z.infer<typeof CalibrationBin>;

export const ConfusionCell = z.strictObject({ label: z.string(), decided: z.string(), rows: z.number() });
export type ConfusionCell = z.infer<typeof ConfusionCell>;

export const ClassScores = z.strictObject({
  class: z.string(),
  precision: z.number(),
  recall: z.number(),
  f1: z.number(),
  /** Rows of the class, by weight. */
  support: z.number(),
});
export type ClassScores = z.infer<typeof ClassScores>;

/** Names of the plots a version can have. */
export const PlotName = z.enum(['roc', 'precision-recall', 'calibration', 'confusion', 'residuals', 'importance']);
export type PlotName = z.infer<typeof PlotName>;

export const EvaluationDetails = z.strictObject({
  task: Task,
  /** x is the false positive rate, y the true positive rate. Binary; empty otherwise. */
  roc: z.array(Point),
  /** x is recall, y precision. Binary; empty otherwise. */
  precisionRecall: z.array(Point),
  calibration: z.array(CalibrationBin),
  /** Cells with rows, the fullest first, 400 at most. Binary: labels 0 and 1. */
  confusion: z.array(ConfusionCell),
  classes: z.array(ClassScores),
  /** x is the prediction, y prediction − label; rows spread evenly over the holdout. Regression; empty otherwise. */
  residuals: z.array(Point),
  /** How much worse the primary loss gets where an input is shuffled, greatest first. */
  importance: z.array(z.strictObject({ input: z.string(), drop: z.number() })),
});
export type EvaluationDetails = z.infer<typeof EvaluationDetails>;

/** SVG of each plot. */
export const Plots = z.partialRecord(PlotName, ArtifactRef);
export type Plots = z.infer<typeof Plots>;
