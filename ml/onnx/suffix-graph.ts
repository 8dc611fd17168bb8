/** The last graph of a bundle whose model came from elsewhere: from that model's answer to the outputs every bundle has. */
import { SCORE_OUTPUTS, type TaskShape } from '../../domain/task.js';
import { TENSOR_NAMES_METADATA } from './chain.js';
import { GraphBuilder } from './graph-builder.js';
import { addDecision, type DecidingShape, outputValueInfos } from './task-outputs.js';
import type { OnnxGraph } from './writer.js';

/** The output of a foreign model that holds its scores. */
export interface ForeignScores {
  readonly name: string;
  readonly datatype: 'FP32' | 'FP64';
  /** [N] or [N, width]. */
  readonly rank: 1 | 2;
  /** Values of a row. */
  readonly width: number;
  /** For each class of ours, in our order, the position it has in the foreign scores; they are the same where left out. */
  readonly order?: readonly number[];
}

const INNER = 'foreign/scores';

/**
 * A binary model may give one column, the probability of 1, or two, of which the second is taken. A decision is 1 at or
 * above the threshold, in float32, or the lowest position of the greatest probability.
 */
export function suffixGraph(scores: ForeignScores, shape: DecidingShape): OnnxGraph {
  const builder = new GraphBuilder();
  const output = SCORE_OUTPUTS[shape.task];
  const flat = builder.node('Reshape', [INNER, builder.constant('INT64', [-1, scores.width], [2])]);
  const float = scores.datatype === 'FP32' ? flat : builder.cast(flat, 'FLOAT');
  const columns = columnsTaken(scores, shape);
  if (columns === null) builder.node('Identity', [float], { output });
  else
    builder.node('Gather', [float, builder.constant('INT64', columns, [columns.length])], {
      attributes: { axis: { kind: 'int', value: 1 } },
      output,
    });
  addDecision(builder, shape);
  return {
    name: 'suffix',
    nodes: builder.nodes,
    initializers: builder.initializers,
    inputs: [
      {
        name: INNER,
        type: scores.datatype === 'FP32' ? 'FLOAT' : 'DOUBLE',
        shape: scores.rank === 1 ? [-1] : [-1, scores.width],
      },
    ],
    outputs: outputValueInfos(shape),
    metadata: { [TENSOR_NAMES_METADATA]: JSON.stringify({ [INNER]: scores.name }) },
  };
}

/** Null where all are taken as they come. */
function columnsTaken({ width, order }: ForeignScores, { task }: TaskShape): readonly number[] | null {
  if (task === 'binary' && width === 2) return [1];
  return order ?? null;
}
