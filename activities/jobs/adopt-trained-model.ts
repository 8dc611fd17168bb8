/** CPU body after an external trainer: nothing is believed; the model is run, compared with its estimator, and bundled. */
import type { ArtifactRef } from '../../domain/artifact.js';
import { DomainError, isDomainError } from '../../domain/errors.js';
import { SamplePredictions, TrainerAnswer, TrainerRequest } from '../../domain/external-training.js';
import type { TaskShape } from '../../domain/task.js';
import { createChain } from '../../ml/onnx/chain.js';
import { bindFeatures, bindScores, requireScores, taskScores } from '../../ml/onnx/foreign-model.js';
import { prefixGraph } from '../../ml/onnx/prefix-graph.js';
import { createSession, type OnnxSession, type TensorInfo } from '../../ml/onnx/session.js';
import { type ForeignScores, suffixGraph } from '../../ml/onnx/suffix-graph.js';
import { encodeModel } from '../../ml/onnx/writer.js';
import { getJson } from '../json-artifacts.js';
import { type StoredModel, storeModel } from './bundle-writing.js';
import type { JobContext } from './context.js';
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
  const foreign = await artifacts.get(answer.onnx);
  const described = await describe(foreign);
  const names = request.features.map(({ name }) => name);
  requireScores(described.outputs, answer.output, shape);
  const prefix = encodeModel(prefixGraph(parts.plan, bindFeatures(described.inputs, names)));
  const expected =
    answer.samplePredictions === null
      ? null
      : (await getJson(artifacts, answer.samplePredictions, SamplePredictions)).predictions;
  const scores = await checkSample(parts, {
    models: [prefix, foreign],
    request,
    answer,
    outputs: described.outputs,
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

interface Described {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
}

async function describe(model: Uint8Array): Promise<Described> {
  const session = await createSession(model).catch((error: unknown) => {
    const problem = isDomainError(error) ? error.details['problem'] : error;
    throw new DomainError('PRN_TRAINER_NOT_ONNX', { problem: String(problem) }, { cause: error });
  });
  const { inputs, outputs } = session;
  await session.release();
  return { inputs, outputs };
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
    const run = (rows: readonly number[]) => runRows(chain, takeRows(train.columns, rows), answer.output);
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

async function runRows(
  chain: OnnxSession,
  columns: ReturnType<typeof takeRows>,
  output: string,
): Promise<ArrayLike<number>> {
  try {
    const feeds = Object.fromEntries(chain.inputs.map(({ name }) => [name, columns[name] ?? new Float32Array()]));
    const { [output]: values } = await chain.run(feeds, [output]);
    if (values instanceof Float32Array || values instanceof Float64Array) return values;
    throw new DomainError('PRN_TRAINER_OUTPUTS', { expected: `numbers from output ${output}`, got: 'something else' });
  } catch (error) {
    if (isDomainError(error)) throw error;
    const got = error instanceof Error ? error.message : String(error);
    throw new DomainError('PRN_TRAINER_INPUTS', { expected: 'inputs that the features fit', got }, { cause: error });
  }
}
