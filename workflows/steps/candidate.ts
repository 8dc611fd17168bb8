/** From snapshot to gate verdict: what is read is pinned before the first row is. */
import type { EvaluationSummary, SnapshotSummary, TrainingDatasetSummary } from '../contracts/training.js';
import { setKeywords, setPrimaryMetric } from '../search-attributes.js';
import type { PipelineRun } from './pipeline-run.js';
import { searchParameters } from './search-parameters.js';
import { trainModel } from './train.js';

export interface Candidate {
  readonly snapshot: SnapshotSummary;
  readonly dataset: TrainingDatasetSummary;
  readonly evaluation: EvaluationSummary;
}

export async function trainCandidate(run: PipelineRun): Promise<Candidate> {
  const { pipelineId, model, asOf } = run.input;

  await run.enter('snapshot');
  const snapshot = await run.activities.snapshotInputs({ pipelineId, model, asOf });
  setKeywords({ MlEndpoint: snapshot.endpoint });
  run.show({ snapshot });

  await run.enter('training_dataset');
  const dataset = await run.activities.buildTrainingDataset({ snapshot: snapshot.snapshot });

  await run.enter('training');
  const search = await searchParameters(run, { snapshot, dataset });
  const trained = await trainModel(run, { snapshot, dataset, search });

  await run.enter('evaluation');
  const evaluation = await run.activities.evaluateModel({
    snapshot: snapshot.snapshot,
    dataset: dataset.dataset,
    trained: trained.trained,
  });
  run.state.judged = {
    snapshot: snapshot.snapshot,
    dataset: dataset.dataset,
    evaluated: evaluation.evaluated,
  };
  const [primary] = Object.values(evaluation.metrics);
  if (primary !== undefined) setPrimaryMetric(primary);
  run.show({ evaluation });
  return { snapshot, dataset, evaluation };
}
