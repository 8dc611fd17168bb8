/** CPU body before an external trainer: the training part as features after expressions, and what is asked of the trainer. */
import type { ArtifactRef } from '../../domain/artifact.js';
import type { TrainerRequest } from '../../domain/external-training.js';
import { checkFeatureValues } from '../../ml/training/check-features.js';
import { putJson } from '../../store/contracts/json-artifacts.js';
import type { JobContext } from './context.js';
import { computeFeatures } from './model-scoring.js';
import { chosenParameters } from './search/chosen.js';
import { columnsOf, sampleRows, trainerFeatures, trainerName, writeTrainerRows } from './trainer-rows.js';
import { readTraining, type TrainingInput } from './training-parts.js';

export interface PrepareTrainerDataInput extends TrainingInput {
  readonly runId: string;
}

/**
 * Returns the JSON artefact with the `TrainerRequest`. The same inputs give the same request. Throws what
 * {@link checkFeatureValues} throws: features that no built-in trainer takes go to no other either.
 */
export async function prepareTrainerData(
  input: PrepareTrainerDataInput,
  context: JobContext,
): Promise<{ readonly request: ArtifactRef }> {
  const { snapshot, dataset, plan, train } = await readTraining(input, context);
  const features = trainerFeatures(plan);
  const matrix = await computeFeatures(context, plan, train);
  const names = features.map(({ name }) => name);
  checkFeatureValues({ matrix, rows: train.rows, columns: names.length, names });
  const columns = columnsOf(matrix, names.length);
  const { trainer, task } = snapshot.spec;
  const request: TrainerRequest = {
    requestVersion: 1,
    runId: input.runId,
    trainer: trainerName(trainer),
    parameters: (await chosenParameters(context, input)) ?? trainer.parameters,
    seed: trainer.seed,
    task,
    classes: dataset.classes,
    features,
    data: await writeTrainerRows(context, { features, columns, rows: train }),
    sample: sampleRows(columns, train.rows),
    ...(trainer.kind === 'command' && { limits: trainer.limits }),
  };
  return { request: await putJson(context.artifacts, request) };
}
