/** Models that were made elsewhere, as jobs open and run them: nothing about them is believed. */
import type { ArtifactRef } from '../../domain/artifact.js';
import { DomainError, isDomainError } from '../../domain/errors.js';
import type { TaskShape } from '../../domain/task.js';
import { requireScores } from '../../ml/onnx/foreign-model.js';
import { createSession, type OnnxSession, type TensorInfo } from '../../ml/onnx/session.js';
import type { InputColumns } from '../../scoring/batch.js';
import type { ArtifactStore } from '../../store/contracts/artifacts.js';

export interface ForeignModel {
  readonly model: Uint8Array;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
}

/** Throws `PRN_TRAINER_NOT_ONNX`, and `PRN_TRAINER_OUTPUTS` unless the named output can hold the scores. */
export async function openForeignModel(
  artifacts: ArtifactStore,
  { onnx, output }: { readonly onnx: ArtifactRef; readonly output: string },
  shape: TaskShape,
): Promise<ForeignModel> {
  const model = await artifacts.get(onnx);
  const session = await createSession(model).catch((error: unknown) => {
    const problem = isDomainError(error) ? error.details['problem'] : error;
    throw new DomainError('PRN_TRAINER_NOT_ONNX', { problem: String(problem) }, { cause: error });
  });
  const { inputs, outputs } = session;
  await session.release();
  requireScores(outputs, output, shape);
  return { model, inputs, outputs };
}

/** What a chain of graphs gives for all rows at once. Throws `PRN_TRAINER_INPUTS` where they do not take them. */
export async function runForeignModel(
  chain: OnnxSession,
  columns: InputColumns,
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
