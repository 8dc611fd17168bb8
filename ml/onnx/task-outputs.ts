/** Nodes that end in the outputs which the last graph of every model has, by task. */
import { DECISION_OUTPUT, SCORE_OUTPUTS, type TaskShape, taskOutputs } from '../../domain/task.js';
import type { GraphBuilder } from './graph-builder.js';
import type { OnnxValueInfo } from './writer.js';

/** The threshold means something for binary models only. */
export type DecidingShape = TaskShape & { readonly decisionThreshold: number };

export function outputValueInfos(shape: TaskShape): OnnxValueInfo[] {
  return taskOutputs(shape).map(({ name, datatype, width }) => ({
    name,
    type: datatype === 'FP32' ? 'FLOAT' : 'INT64',
    shape: [-1, width],
  }));
}

/** From raw scores FP32 [N,K] (log odds, or values) to the outputs of the task. */
export function endInRawScores(builder: GraphBuilder, scores: string, shape: DecidingShape): void {
  const output = SCORE_OUTPUTS[shape.task];
  switch (shape.task) {
    case 'binary':
      builder.node('Sigmoid', [scores], { output });
      break;
    case 'multiclass':
      builder.node('Softmax', [scores], { attributes: { axis: { kind: 'int', value: 1 } }, output });
      break;
    case 'regression':
      builder.node('Identity', [scores], { output });
      break;
  }
  addDecision(builder, shape);
}

/** From the answers themselves, FP32 [N,K], to the outputs of the task. */
export function endInAnswers(builder: GraphBuilder, answers: string, shape: DecidingShape): void {
  builder.node('Identity', [answers], { output: SCORE_OUTPUTS[shape.task] });
  addDecision(builder, shape);
}

/** A decision is 1 at or above the threshold, in float32, or the lowest position of the greatest probability. */
export function addDecision(builder: GraphBuilder, { task, decisionThreshold }: DecidingShape): void {
  if (task === 'regression') return;
  const scores = SCORE_OUTPUTS[task];
  if (task === 'binary') {
    const atLeast = builder.node('GreaterOrEqual', [scores, builder.constant('FLOAT', [decisionThreshold])]);
    builder.node('Cast', [atLeast], { attributes: { to: { kind: 'int', value: 7 } }, output: DECISION_OUTPUT });
    return;
  }
  builder.node('ArgMax', [scores], {
    attributes: { axis: { kind: 'int', value: 1 }, keepdims: { kind: 'int', value: 1 } },
    output: DECISION_OUTPUT,
  });
}
