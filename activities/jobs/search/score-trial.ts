/** CPU body of a trial with a trainer elsewhere: runs the model that it left on the rows put aside. */
import type { ArtifactRef } from '../../../domain/artifact.js';
import { TrainerAnswer } from '../../../domain/external-training.js';
import type { FeaturePlan } from '../../../domain/features.js';
import { SearchPlan } from '../../../domain/search.js';
import type { TaskShape } from '../../../domain/task.js';
import { createChain } from '../../../ml/onnx/chain.js';
import { bindFeatures, bindScores } from '../../../ml/onnx/foreign-model.js';
import { prefixGraph } from '../../../ml/onnx/prefix-graph.js';
import { suffixGraph } from '../../../ml/onnx/suffix-graph.js';
import { encodeModel } from '../../../ml/onnx/writer.js';
import type { InputColumns } from '../../../scoring/batch.js';
import { getJson } from '../../../store/contracts/json-artifacts.js';
import type { JobContext } from '../context.js';
import { openForeignModel, runForeignModel } from '../foreign-models.js';
import { takeRows } from '../model-rows.js';
import { requireUsableScores, scoreModel } from '../model-scoring.js';
import { readSearchRows, scoreTrial, type TrialScores } from './trial-scoring.js';

export interface ScoreTrialInput {
  /** JSON artefact with the `SearchPlan`. */
  readonly plan: ArtifactRef;
  /** JSON artefact with the `TrainerAnswer`. */
  readonly answer: ArtifactRef;
}

/** Rows by which the width of the model's output is seen. */
const PROBED_ROWS = 16;
const NO_THRESHOLD = 0.5;

/** Throws what adopting a model throws, but for the comparison with its estimator, and `PRN_TRAINING_DIVERGED`. */
export async function scoreExternalTrial(input: ScoreTrialInput, context: JobContext): Promise<TrialScores> {
  const { artifacts } = context;
  const plan = await getJson(artifacts, input.plan, SearchPlan);
  const answer = await getJson(artifacts, input.answer, TrainerAnswer);
  const shape: TaskShape = { task: plan.task, classes: plan.classes };
  const { model, inputs, outputs } = await openForeignModel(artifacts, answer, shape);
  const names = plan.features.map(({ name }) => name);
  const prefix = encodeModel(prefixGraph(computedFeatures(names), bindFeatures(inputs, names)));
  const rows = await readSearchRows(context, plan, plan.validation);
  const columns = Object.fromEntries(
    names.map((name, index) => [inputOf(index), rows.columns[name] ?? new Float32Array()]),
  );
  const probed = Array.from({ length: Math.min(PROBED_ROWS, rows.rows) }, (_unused, row) => row);
  const values = await firstAnswers([prefix, model], takeRows(columns, probed), answer.output);
  const given = { name: answer.output, values: values.length, rows: probed.length };
  const suffix = encodeModel(
    suffixGraph(bindScores(outputs, given, shape), { ...shape, decisionThreshold: NO_THRESHOLD }),
  );
  const scores = await scoreModel(context, { ...shape, graphs: [prefix, model, suffix] }, { rows: rows.rows, columns });
  requireUsableScores(scores, shape, 'rows put aside');
  return scoreTrial(plan, scores, rows);
}

async function firstAnswers(
  models: readonly Uint8Array[],
  columns: InputColumns,
  output: string,
): Promise<ArrayLike<number>> {
  const chain = await createChain(models);
  try {
    return await runForeignModel(chain, columns, output);
  } finally {
    await chain.release();
  }
}

/** Features that are there already, under names that are words of no expression. */
function computedFeatures(names: readonly string[]): FeaturePlan {
  return {
    inputs: names.map((name, index) => ({
      name: inputOf(index),
      datatype: 'FP32',
      nullable: true,
      source: { kind: 'request', column: name },
    })),
    features: names.map((name, index) => ({ name, expression: inputOf(index) })),
    encodings: [],
  };
}

function inputOf(index: number): string {
  return `computed_${index}`;
}
