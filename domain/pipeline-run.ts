/** The run that a pipeline's training leaves in the experiment of its model: what it is called, and what is said of it. */
import type { Sha256Hex } from './ids.js';
import type { EvaluationMetrics } from './metrics.js';
import type { Pipeline, PipelineOutcome } from './pipeline.js';
import { CONTEXT_TAG, type DatasetInput, type KeyValue, type RunStatus, TRACKING_LIMITS } from './tracking.js';
import type { TrainerParameters, TrainerSpec } from './trainer.js';
import type { TrainingDataset, TrainingSnapshot } from './training.js';

/** The run of a pipeline, 32 hexadecimal digits. */
export function pipelineRunId(sha256Hex: Sha256Hex, pipelineId: string): string {
  return sha256Hex(`run/${pipelineId}`).slice(0, 32);
}

/** Where training runs: what somebody needs who wants the same again. */
export interface RunEnvironment {
  /** Revision of the code that declares the model, where the installation was told. */
  readonly codeRevision: string | null;
  /** Engine → version, such as `node` and `duckdb`. */
  readonly engines: Readonly<Record<string, string>>;
}

/** Tags of a run that begins. */
export function pipelineRunTags(
  snapshot: TrainingSnapshot,
  pipeline: Pick<Pipeline, 'requestedBy' | 'trigger' | 'workflowId' | 'codeRevision'> | null,
  { codeRevision, engines }: RunEnvironment,
): KeyValue[] {
  const tags: Record<string, string | null | undefined> = {
    'mlflow.user': pipeline?.requestedBy,
    'mlflow.source.name': pipeline?.workflowId,
    'mlflow.source.type': 'JOB',
    'mlflow.source.git.commit': pipeline?.codeRevision ?? codeRevision,
    'perennial.pipelineId': snapshot.pipelineId,
    'perennial.trigger': pipeline?.trigger,
    'perennial.model': snapshot.model,
    'perennial.modelRevision': String(snapshot.modelRevision),
    ...Object.fromEntries(Object.entries(engines).map(([engine, version]) => [`perennial.engine.${engine}`, version])),
  };
  return Object.entries(tags).flatMap(([key, value]) => (value == null ? [] : [{ key, value }]));
}

/**
 * Parameters: the trainer, its seed, and what it was told. Where a search chooses that, it is only told once it is `chosen`,
 * since a parameter is written once.
 */
export function pipelineRunParams({ spec }: TrainingSnapshot, chosen: TrainerParameters | null = null): KeyValue[] {
  const { trainer, task } = spec;
  const { seed, search } = trainer;
  const parameters = search === undefined ? trainer.parameters : (chosen ?? {});
  const given = {
    trainer: trainerLabel(trainer),
    seed,
    task,
    ...(search && { 'search.method': search.method }),
    ...parameters,
  };
  return Object.entries(given).map(([key, value]) => ({
    key,
    value: String(value).slice(0, TRACKING_LIMITS.paramValue),
  }));
}

/** Such as `gbdt` or `python/lightgbm`. */
export function trainerLabel(trainer: TrainerSpec): string {
  const { kind } = trainer;
  if (kind === 'python') return `${kind}/${trainer.name}`;
  return kind === 'command' ? `${kind}/${trainer.command}` : kind;
}

/** Everything that was read, by digest. */
export function pipelineRunInputs(snapshot: TrainingSnapshot, dataset: TrainingDataset): DatasetInput[] {
  const { model, spine, views } = snapshot;
  const input = (context: string, facts: Pick<DatasetInput, 'name' | 'digest' | 'source'>): DatasetInput => ({
    ...facts,
    sourceType: 'perennial',
    schema: null,
    profile: null,
    tags: [{ key: CONTEXT_TAG, value: context }],
  });
  const part = (name: string, { sha256, uri }: { readonly sha256: string; readonly uri: string }) => ({
    name: `${model} ${name}`,
    digest: sha256,
    source: uri,
  });
  const spineSource = `/v1/datasets/${spine.dataset}/versions/${spine.versionId}`;
  const pinned = views.filter(({ datasetVersionId }) => datasetVersionId !== '');
  return [
    input('training', part('training', dataset.train)),
    input('evaluation', part('holdout', dataset.holdout)),
    input('spine', { name: spine.dataset, digest: spine.versionId, source: spineSource }),
    ...pinned.map(({ view, datasetVersionId }) =>
      input('features', { name: view, digest: datasetVersionId, source: `/v1/feature-views/${view}` }),
    ),
  ];
}

/** Numbers of an evaluation by the names that gates use; those that nothing was measured of are left out. */
export function evaluationMetrics(metrics: EvaluationMetrics): Record<string, number> {
  return Object.fromEntries(
    Object.entries(metrics).flatMap(([name, { value }]) => (value === null ? [] : [[name, value] as const])),
  );
}

/** How the run of a pipeline ends that did not come to the end of its evaluation; null while the pipeline goes on. */
export function runEndOf(outcome: PipelineOutcome): RunStatus | null {
  if (outcome === 'running') return null;
  if (outcome === 'cancelled') return 'KILLED';
  return outcome === 'failed' || outcome === 'lost' ? 'FAILED' : 'FINISHED';
}
