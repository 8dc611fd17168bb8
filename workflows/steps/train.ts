/** Fits the candidate where its trainer lives: in the compute pool, with the Python worker, or as a command. */
import type { ArtifactRef } from '../../domain/artifact.js';
import type { SnapshotSummary, TrainedModelSummary, TrainingDatasetSummary } from '../contracts/training.js';
import type { PipelineRun } from './pipeline-run.js';

export async function trainModel(
  { activities, input }: PipelineRun,
  pinned: { snapshot: SnapshotSummary; dataset: TrainingDatasetSummary; search: ArtifactRef | null },
): Promise<TrainedModelSummary> {
  const { trainerKind } = pinned.snapshot;
  const { search } = pinned;
  const inputs = {
    snapshot: pinned.snapshot.snapshot,
    dataset: pinned.dataset.dataset,
    ...(search !== null && { search }),
  };
  // Snapshots of pipelines from before there were other trainers do not name one.
  if (trainerKind !== 'python' && trainerKind !== 'command') return activities.trainModel(inputs);
  const run = await activities.prepareTrainerData({ ...inputs, pipelineId: input.pipelineId });
  const train = trainerKind === 'python' ? activities.trainExternal : activities.trainByCommand;
  return activities.adoptTrainedModel({ ...inputs, run, ...(await train(run)) });
}
