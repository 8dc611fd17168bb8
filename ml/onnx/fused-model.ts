/** A feature plan and what a built-in trainer made of it as one graph: the whole of a model. */
import type { FeaturePlan } from '../../domain/features.js';
import { buildPrefix, inputValueInfos, planMetadata } from '../features/plan.js';
import type { TrainedForm } from '../training/trained-form.js';
import { addEnsemble } from './ensemble-graph.js';
import { GraphBuilder } from './graph-builder.js';
import { addLinear } from './linear-graph.js';
import { addTable } from './table-graph.js';
import { endInAnswers, endInRawScores, outputValueInfos } from './task-outputs.js';
import type { OnnxGraph } from './writer.js';

/** Inputs of the plan [N,1] each → the outputs of the task, see `domain/task.ts`. */
export function fuseModel(model: {
  readonly plan: FeaturePlan;
  readonly form: TrainedForm;
  /** Names of the classes of a multiclass model; empty otherwise. */
  readonly classes: readonly string[];
  readonly decisionThreshold: number;
}): OnnxGraph {
  const { plan, form, decisionThreshold } = model;
  const { task } = form.kind === 'trees' ? form.ensemble : form.model;
  const shape = { task, classes: model.classes, decisionThreshold };
  const builder = new GraphBuilder();
  const features = buildPrefix(plan, builder);
  switch (form.kind) {
    case 'trees':
      endInRawScores(builder, addEnsemble(builder, features, form.ensemble), shape);
      break;
    case 'linear':
      endInRawScores(builder, addLinear(builder, features, form.model), shape);
      break;
    case 'table':
      endInAnswers(builder, addTable(builder, features, form.model), shape);
      break;
  }
  return {
    name: `${task}-model`,
    nodes: builder.nodes,
    initializers: builder.initializers,
    inputs: inputValueInfos(plan),
    outputs: outputValueInfos(shape),
    metadata: planMetadata(plan),
  };
}
