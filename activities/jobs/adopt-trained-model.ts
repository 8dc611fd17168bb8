/** CPU body after an external trainer: nothing is believed; the model is run, compared with its estimator, and bundled. */
import type { ArtifactRef } from '../../domain/artifact.js';
import { SamplePredictions, TrainerAnswer, TrainerRequest } from '../../domain/external-training.js';
import type { TaskShape } from '../../domain/task.js';
import { createChain } from '../../ml/onnx/chain.js';
import { bindFeatures, bindScores, taskScores } from '../../ml/onnx/foreign-model.js';
import { prefixGraph } from '../../ml/onnx/prefix-graph.js';
import type { TensorInfo } from '../../ml/onnx/session.js';
import { type ForeignScores, suffixGraph } from '../../ml/onnx/suffix-graph.js';
import { encodeModel } from '../../ml/onnx/writer.js';
import { getJson } from '../../store/contracts/json-artifacts.js';
import { type StoredModel, storeModel } from './bundle-writing.js';
import type { JobContext } from './context.js';
import { openForeignModel, runForeignModel } from './foreign-models.js';
import { requireAgreement, requireRowwise } from './model-agreement.js';
import { takeRows } from './model-rows.js';
import { requireUsableScores } from './model-scoring.js';
import { searchLineage } from './search/chosen.js';
import { readTraining, type TrainingInput, type TrainingParts } from './training-parts.js';

export interface AdoptTrainedModelInput extends TrainingInput {
  /** JSON artefact with the `TrainerRequest`. */
  readonly request: ArtifactRef;
  /** JSON artefact with the `TrainerAnswer`. */
  readonly answer: ArtifactRef;
}

/**
 * Throws `PRN_TRAINER_NOT_ONNX`, `PRN_TRAINER_INPUTS`, `PRN_TRAINER_OUTPUTS`, `PRN_TRAINER_PREDICTIONS` or
 * `PRN_TRAINER_DISAGREES`. The same answer gives the same bundle digest.
 */
export async function adoptTrainedModel(input: AdoptTrainedModelInput, context: JobContext): Promise<StoredModel> {
  const { artifacts } = context;
  const request = await getJson(artifacts, input.request, TrainerRequest);
  const answer = await getJson(artifacts, input.answer, TrainerAnswer);
  const parts = await readTraining(input, context);
  const shape: TaskShape = { task: request.task, classes: request.classes };
  const { model: foreign, inputs, outputs } = await openForeignModel(artifacts, answer, shape);
  const names = request.features.map(({ name }) => name);
  const prefix = encodeModel(prefixGraph(parts.plan, bindFeatures(inputs, names)));
  const expected =
    answer.samplePredictions === null
      ? null
      : (await getJson(artifacts, answer.samplePredictions, SamplePredictions)).predictions;
  const scores = await checkSample(parts, {
    models: [prefix, foreign],
    request,
    answer,
    outputs,
    expected,
  });
  context.progress({ message: `the model agrees with its trainer on ${request.sample.length} rows` });
  return storeModel(context, parts, {
    ...shape,
    graphsWith: (decisionThreshold) => [
      prefix,
      foreign,
      encodeModel(suffixGraph(scores, { ...shape, decisionThreshold })),
    ],
    checkScores: (scored, of) => requireUsableScores(scored, shape, of),
    lineage: {
      trainer: {
        name: request.trainer,
        digest: answer.trainerDigest,
        environment: answer.environment,
        request: input.request,
        answer: input.answer,
      },
      ...(await searchLineage(context, input)),
    },
  });
}

interface SampleCheck {
  readonly models: readonly Uint8Array[];
  readonly request: TrainerRequest;
  readonly answer: TrainerAnswer;
  readonly outputs: readonly TensorInfo[];
  readonly expected: readonly (readonly number[])[] | null;
}

/**
 * Runs the sample through prefix and model, as serving will, whole and in small batches, and compares with what the
 * trainer said.
 */
async function checkSample({ train }: TrainingParts, check: SampleCheck): Promise<ForeignScores> {
  const { request, answer, outputs, expected } = check;
  const { task, classes, sample } = request;
  const shape: TaskShape = { task, classes };
  const chain = await createChain(check.models);
  try {
    const run = (rows: readonly number[]) => runForeignModel(chain, takeRows(train.columns, rows), answer.output);
    const values = await run(sample);
    const scores = bindScores(outputs, { name: answer.output, values: values.length, rows: sample.length }, shape);
    const actual = taskScores(values, scores, shape);
    requireUsableScores(actual, shape, 'sample');
    if (expected !== null) requireAgreement(actual, expected.flat(), request);
    const score = async (positions: readonly number[]): Promise<Float64Array> =>
      taskScores(await run(positions.map((position) => sample[position] ?? 0)), scores, shape);
    await requireRowwise(actual, { task, rows: sample.length, score });
    return scores;
  } finally {
    await chain.release();
  }
}
