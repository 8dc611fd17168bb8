/** What a model answers: one of two outcomes, one of several classes, or a number. */
import { z } from 'zod';

export const Task = z.enum(['binary', 'multiclass', 'regression']);
export type Task = z.infer<typeof Task>;

/** Classes a multiclass model may have. */
export const MAX_CLASSES = 1_000;

/** The scores a model's last graph gives, FP32 [N, width]: what is logged, judged and monitored. */
export const SCORE_OUTPUTS = {
  binary: 'probability',
  multiclass: 'probabilities',
  regression: 'prediction',
} as const satisfies Record<Task, string>;

/** INT64 [N,1]: 1 at or above the threshold, or the position of the likeliest class. Regression has none. */
export const DECISION_OUTPUT = 'decision';

/** A task and, for a multiclass one, the names of its classes in the order of the scores; empty otherwise. */
export interface TaskShape {
  readonly task: Task;
  readonly classes: readonly string[];
}

/** An output of a served model's last graph; `width` values a row. */
export interface TaskOutput {
  readonly name: string;
  readonly datatype: 'FP32' | 'INT64';
  readonly width: number;
}

/** Scores of one row: a probability for each class, or one number. */
export function scoreWidth({ task, classes }: TaskShape): number {
  return task === 'multiclass' ? classes.length : 1;
}

/** What the last graph of every bundle answers, scores first. */
export function taskOutputs(shape: TaskShape): TaskOutput[] {
  const scores = { name: SCORE_OUTPUTS[shape.task], datatype: 'FP32', width: scoreWidth(shape) } as const;
  const decision = { name: DECISION_OUTPUT, datatype: 'INT64', width: 1 } as const;
  return shape.task === 'regression' ? [scores] : [scores, decision];
}
