/** Training as activities: documents are gathered here, the work is done in the compute pool. */
import type { ArtifactRef } from '../domain/artifact.js';
import type { Bundle, FrozenView } from '../domain/bundle.js';
import type { DatasetSpec } from '../domain/dataset.js';
import { DomainError } from '../domain/errors.js';
import type { FeaturePlan, ModelInput } from '../domain/features.js';
import { chunksAsOf, type MaterializationChunk } from '../domain/materialization.js';
import { useName, type ViewUse, viewUses } from '../domain/model.js';
import { type Evidence, gateLine, headlineOf, withHoldoutUse } from '../domain/evaluation.js';
import { TrainingSnapshot } from '../domain/training.js';
import { modelInputs } from '../ml/features/model-inputs.js';
import { checkFeatures } from '../ml/features/plan.js';
import type { Stores } from '../store/contracts/index.js';
import type {
  EvaluationSummary,
  TrainingComputeActivities,
  TrainingDatasetSummary,
} from '../workflows/contracts/training.js';
import { keepEvidence } from './evidence-artifact.js';
import { pinnedView } from './jobs/bundle-parts.js';
import type { ViewChunks } from './jobs/build-training-dataset.js';
import type { RunJob } from './jobs/index.js';
import { slicedColumns } from './jobs/slice-metrics.js';
import { sha256Hex } from '../store/contracts/digests.js';
import { getJson, putJson } from '../store/contracts/json-artifacts.js';
import { finishPipelineRun } from './pipeline-run-log.js';
import { historyReferences } from './segment-references.js';
import type { TrainingStores } from './training-stores.js';

export interface TrainingComputeDependencies {
  readonly stores: Stores;
  readonly runJob: RunJob;
}

export function createTrainingComputeActivities({ stores, runJob }: TrainingComputeDependencies) {
  const { artifacts } = stores;

  return {
    buildTrainingDataset: ({ snapshot }) => buildDataset({ stores, runJob }, snapshot),

    async trainModel(reads) {
      return runJob('trainModel', { ...reads, plan: await candidatePlan(stores, reads.snapshot) });
    },

    async evaluateModel({ snapshot: ref, dataset, trained }) {
      const snapshot = await getJson(artifacts, ref, TrainingSnapshot);
      const champion = await championBundle(stores, snapshot);
      const result = await runJob('evaluateModel', { snapshot: ref, dataset, trained, champion });
      const { pipelineId: attemptId, model } = snapshot;
      const span = { from: snapshot.split.holdoutFrom, to: snapshot.split.holdoutTo };
      const digest = result.evidence.holdoutDigest;
      const use = await stores.registry.useHoldout({ model, digest, attemptId, span });
      const evidence = withHoldoutUse(result.evidence, use);
      const evaluated = await keepEvidence(artifacts, evidence);
      await finishPipelineRun({ stores, sha256Hex }, { pipelineId: attemptId, outcome: evidence.outcome });
      return {
        evaluated,
        trained: result.trained,
        outcome: evidence.outcome,
        reasons: evidence.reasons,
        metrics: headline(evidence, 'value'),
        championMetrics: evidence.championMetrics === null ? null : headline(evidence, 'champion'),
        gateLines: evidence.gates.map(gateLine),
      } satisfies EvaluationSummary;
    },
  } satisfies TrainingComputeActivities;
}

/** Rows for the candidate, and for the champion that it is compared with; `ref` is that of the snapshot. */
export async function buildDataset(
  { stores, runJob }: { readonly stores: TrainingStores; readonly runJob: RunJob },
  ref: ArtifactRef,
): Promise<TrainingDatasetSummary> {
  const { artifacts } = stores;
  const snapshot = await getJson(artifacts, ref, TrainingSnapshot);
  const spec = await spineSpec(stores, snapshot);
  const plan = planOf(snapshot, spec);
  const champion = await championBundle(stores, snapshot);
  const dataset = await runJob('buildTrainingDataset', {
    snapshot,
    dataset: spec,
    segments: await historyReferences(stores, snapshot.spine.dataset, snapshot.spine.versionId),
    viewChunks: await viewChunks(stores, snapshot),
    ...readsOf(champion, { plan, spec, snapshot }),
  });
  const { trainRows, holdoutRows } = dataset;
  return { dataset: await putJson(artifacts, dataset), trainRows, holdoutRows };
}

/** The revision of the spine's dataset that was pinned, whatever was applied since. */
export async function spineSpec(
  stores: Pick<TrainingStores, 'resources'>,
  { spine }: TrainingSnapshot,
): Promise<DatasetSpec> {
  const stored = await stores.resources.getRevision('Dataset', spine.dataset, spine.revision);
  if (stored?.resource.kind === 'Dataset') return stored.resource.spec;
  const name = `${spine.dataset} (revision ${spine.revision})`;
  throw new DomainError('PRN_RESOURCE_NOT_FOUND', { kind: 'Dataset', name, hint: '' });
}

/** Inputs and features of the model that a snapshot pins; nothing is fitted yet. */
export async function candidatePlan(stores: TrainingStores, snapshot: ArtifactRef): Promise<FeaturePlan> {
  const pinned = await getJson(stores.artifacts, snapshot, TrainingSnapshot);
  return planOf(pinned, await spineSpec(stores, pinned));
}

function planOf(snapshot: TrainingSnapshot, dataset: DatasetSpec): FeaturePlan {
  const plan = { ...modelInputs(snapshot.spec, dataset, snapshot.views), encodings: [] };
  checkFeatures(plan, snapshot.spec.trainer);
  return plan;
}

async function championBundle(
  stores: Pick<TrainingStores, 'registry'>,
  { model, champion }: TrainingSnapshot,
): Promise<Bundle | null> {
  if (champion === null) return null;
  const version = await stores.registry.version(model, champion.version);
  if (version === null) throw new DomainError('PRN_MODEL_VERSION_NOT_FOUND', { model, version: champion.version });
  return version.bundle;
}

interface Known {
  readonly plan: FeaturePlan;
  readonly spec: DatasetSpec;
  readonly snapshot: TrainingSnapshot;
}

/** What the candidate reads, and what only the champion does, so that both can answer the same rows. */
function readsOf(champion: Bundle | null, known: Known): { inputs: ModelInput[]; uses: ViewUse[] } {
  const own = viewUses(known.snapshot.spec);
  const uses = [...own, ...usesOnlyOf(champion, own, known.snapshot)];
  const inputs = [...known.plan.inputs, ...inputsOnlyOf(champion, uses, known)];
  return { inputs: [...inputs, ...sliceInputs(known, inputs)], uses };
}

/** Columns of the spine that the holdout is sliced by and that no model reads, such as its keys. */
function sliceInputs({ plan, spec, snapshot }: Known, inputs: readonly ModelInput[]): ModelInput[] {
  const isKnown = (column: string): boolean =>
    inputs.some(({ name }) => name === column) || plan.features.some(({ name }) => name === column);
  return slicedColumns(snapshot.spec)
    .filter((column) => !isKnown(column))
    .flatMap((column): ModelInput[] => {
      const declared = spec.columns.find(({ name }) => name === column);
      if (declared === undefined) return [];
      const datatype = declared.type === 'string' || declared.type === 'timestamp' ? 'BYTES' : 'FP32';
      return [{ name: column, datatype, nullable: true, source: { kind: 'request', column } }];
    });
}

/**
 * Inputs that only the champion reads. Those this snapshot can no longer give (a dropped column, a view not pinned or
 * read by other keys) are left out: evaluation then says that the champion cannot be compared.
 */
function inputsOnlyOf(
  champion: Bundle | null,
  uses: readonly ViewUse[],
  { plan, spec, snapshot }: Known,
): ModelInput[] {
  const available = ({ source }: ModelInput): boolean => {
    if (source.kind === 'request') return spec.columns.some(({ name }) => name === source.column);
    const use = uses.find((each) => each.use === useName(source));
    const frozen = champion?.views.find((view) => useName(view) === useName(source));
    if (use === undefined || frozen === undefined || use.view !== frozen.view) return false;
    return (
      frozen.keys.every(({ key, request }) => (use.keys[key] ?? key) === request) &&
      pinnedView(snapshot, use.view).spec.features.some(({ name }) => name === source.feature)
    );
  };
  return (champion?.plan.inputs ?? []).filter(
    (input) => !plan.inputs.some(({ name }) => name === input.name) && available(input),
  );
}

/** Uses of pinned views that the candidate does without. */
function usesOnlyOf(champion: Bundle | null, own: readonly ViewUse[], { views, spec }: TrainingSnapshot): ViewUse[] {
  const joinable = ({ view, keys }: FrozenView): boolean =>
    views.some((pinned) => pinned.view === view) && keys.every(({ request }) => spec.spine.keys.includes(request));
  return (champion?.views ?? [])
    .filter((frozen) => !own.some(({ use }) => use === useName(frozen)) && joinable(frozen))
    .map((frozen) => ({
      use: useName(frozen),
      view: frozen.view,
      keys: Object.fromEntries(frozen.keys.map(({ key, request }) => [key, request])),
    }));
}

/** Chunks of a view as jobs take them. */
export function chunksOfView(view: string, chunks: readonly MaterializationChunk[]): ViewChunks {
  return {
    view,
    chunks: chunks.map(({ table, seq }) => ({ table, seq })),
    withdraws: chunks.some(({ withdraws }) => withdraws),
  };
}

export async function viewChunks(
  stores: Pick<TrainingStores, 'features'>,
  { views }: TrainingSnapshot,
): Promise<ViewChunks[]> {
  return Promise.all(
    views.map(async ({ view, revision, throughSeq, sinceSeq }) => {
      const chunks = chunksAsOf(await stores.features.chunks(view, revision), { throughSeq, sinceSeq });
      return chunksOfView(view, chunks);
    }),
  );
}

/** What people look at first; a metric that is not defined is left out. */
function headline(evidence: Evidence, of: 'value' | 'champion'): EvaluationSummary['metrics'] {
  return Object.fromEntries(
    headlineOf(evidence).flatMap(({ metric, [of]: value }) => (value === null ? [] : [[metric, value] as const])),
  );
}
