/** Training as activities: documents are gathered here, the work is done in the compute pool. */
import type { Bundle } from '../domain/bundle.js';
import type { DatasetSpec } from '../domain/dataset.js';
import { DomainError } from '../domain/errors.js';
import type { FeaturePlan, ModelInput } from '../domain/features.js';
import { useName, viewUses } from '../domain/model.js';
import type { BinaryMetrics } from '../domain/registry.js';
import { TrainingSnapshot } from '../domain/training.js';
import { modelInputs } from '../ml/features/model-inputs.js';
import { checkFeatures } from '../ml/features/plan.js';
import type { Stores } from '../store/contracts/index.js';
import type { EvaluationSummary, TrainingComputeActivities } from '../workflows/contracts/training.js';
import { pinnedView } from './jobs/bundle-parts.js';
import type { ViewChunks } from './jobs/build-training-dataset.js';
import { gateLine } from './jobs/evaluate-model.js';
import type { RunJob } from './jobs/index.js';
import { getJson, putJson } from './json-artifacts.js';
import { segmentReferences } from './segment-references.js';

export interface TrainingComputeDependencies {
  readonly stores: Stores;
  readonly runJob: RunJob;
}

export function createTrainingComputeActivities({ stores, runJob }: TrainingComputeDependencies) {
  const { artifacts } = stores;

  return {
    async buildTrainingDataset({ snapshot: ref }) {
      const snapshot = await getJson(artifacts, ref, TrainingSnapshot);
      const spec = await spineSpec(stores, snapshot);
      const plan = planOf(snapshot, spec);
      const champion = await championBundle(stores, snapshot);
      const dataset = await runJob('buildTrainingDataset', {
        snapshot,
        dataset: spec,
        segments: await segmentReferences(stores, snapshot.spine.dataset, snapshot.spine.versionId),
        viewChunks: await viewChunks(stores, snapshot),
        inputs: [...plan.inputs, ...inputsOnlyOf(champion, { plan, spec, snapshot })],
      });
      const { trainRows, holdoutRows } = dataset;
      return { dataset: await putJson(artifacts, dataset), trainRows, holdoutRows };
    },

    async trainModel({ snapshot: ref, dataset }) {
      const snapshot = await getJson(artifacts, ref, TrainingSnapshot);
      const plan = planOf(snapshot, await spineSpec(stores, snapshot));
      return runJob('trainModel', { snapshot: ref, dataset, plan });
    },

    async evaluateModel({ snapshot: ref, dataset, trained }) {
      const snapshot = await getJson(artifacts, ref, TrainingSnapshot);
      const champion = await championBundle(stores, snapshot);
      const result = await runJob('evaluateModel', { snapshot: ref, dataset, trained, champion });
      const { evidence } = result;
      return {
        evaluated: result.evaluated,
        trained: result.trained,
        outcome: evidence.outcome,
        reasons: evidence.reasons,
        metrics: headline(evidence.metrics),
        championMetrics: evidence.championMetrics === null ? null : headline(evidence.championMetrics),
        gateLines: evidence.gates.map(gateLine),
      } satisfies EvaluationSummary;
    },
  } satisfies TrainingComputeActivities;
}

/** The revision of the spine's dataset that was pinned, whatever was applied since. */
export async function spineSpec(stores: Stores, { spine }: TrainingSnapshot): Promise<DatasetSpec> {
  const stored = await stores.resources.getRevision('Dataset', spine.dataset, spine.revision);
  if (stored?.resource.kind === 'Dataset') return stored.resource.spec;
  const name = `${spine.dataset} (revision ${spine.revision})`;
  throw new DomainError('PRN_RESOURCE_NOT_FOUND', { kind: 'Dataset', name, hint: '' });
}

function planOf(snapshot: TrainingSnapshot, dataset: DatasetSpec): FeaturePlan {
  const plan = { ...modelInputs(snapshot.spec, dataset, snapshot.views), encodings: [] };
  checkFeatures(plan, snapshot.spec.trainer.kind);
  return plan;
}

async function championBundle(stores: Stores, { model, champion }: TrainingSnapshot): Promise<Bundle | null> {
  if (champion === null) return null;
  const version = await stores.registry.version(model, champion.version);
  if (version === null) throw new DomainError('PRN_MODEL_VERSION_NOT_FOUND', { model, version: champion.version });
  return version.bundle;
}

/**
 * Inputs that only the champion reads, so that both can answer the same rows. Those this snapshot can no longer give (a
 * dropped column, a view not pinned) are left out: evaluation then says that the champion cannot be compared.
 */
function inputsOnlyOf(
  champion: Bundle | null,
  known: { plan: FeaturePlan; spec: DatasetSpec; snapshot: TrainingSnapshot },
): ModelInput[] {
  const { plan, spec, snapshot } = known;
  const available = ({ source }: ModelInput): boolean =>
    source.kind === 'request'
      ? spec.columns.some(({ name }) => name === source.column)
      : viewUses(snapshot.spec).some(({ use, view }) => use === useName(source) && view === source.view) &&
        pinnedView(snapshot, source.view).spec.features.some(({ name }) => name === source.feature);
  return (champion?.plan.inputs ?? []).filter(
    (input) => !plan.inputs.some(({ name }) => name === input.name) && available(input),
  );
}

export async function viewChunks(stores: Stores, { views }: TrainingSnapshot): Promise<ViewChunks[]> {
  return Promise.all(
    views.map(async ({ view, revision, throughSeq }) => {
      const chunks = await stores.features.chunks(view, revision);
      return { view, chunks: chunks.filter(({ seq }) => seq <= throughSeq).map(({ table, seq }) => ({ table, seq })) };
    }),
  );
}

function headline({ rocAuc, logLoss, calibrationGap }: BinaryMetrics): EvaluationSummary['metrics'] {
  return { rocAuc, logLoss, calibrationGap };
}
