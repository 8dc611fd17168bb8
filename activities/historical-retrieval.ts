/** Historical retrieval as activities: what is read is pinned by documents here, the rows are worked on in the pool. */
import type { ArtifactRef } from '../domain/artifact.js';
import { type DatasetSpec, DatasetSpec as DatasetSchema } from '../domain/dataset.js';
import { DomainError } from '../domain/errors.js';
import { HistoricalRequest, RetrievalPlan } from '../domain/historical-retrieval.js';
import { didYouMean } from '../domain/names.js';
import { parseIso } from '../domain/time.js';
import type { Stores } from '../store/contracts/index.js';
import type { RetrievalActivities, RetrievalComputeActivities } from '../workflows/contracts/historical-retrieval.js';
import type { SourceSettings } from './dataset.js';
import type { RunJob } from './jobs/index.js';
import type { SpineOrigin } from './jobs/retrieval/spine-rows.js';
import { getJson, putJson } from '../store/contracts/json-artifacts.js';
import type { Clock } from './ports.js';
import { planFeatures, type RetrievalDependencies } from './retrieval-plan.js';
import { segmentReferences } from './segment-references.js';
import { requireResource } from './declared.js';

const USUAL_TIME_COLUMN = 'event_ts';

export function createRetrievalActivities(dependencies: RetrievalDependencies & { readonly now: Clock }) {
  const { stores, now } = dependencies;
  const { artifacts, retrievals } = stores;
  return {
    async planRetrieval({ retrievalId, request: ref }) {
      // A repeat after a lost answer must not pin something newer.
      const standing = (await retrievals.get(retrievalId))?.plan ?? null;
      const plan = standing ?? (await putJson(artifacts, await pin(dependencies, ref)));
      if (standing === null) await retrievals.update(retrievalId, { plan });
      const { views } = await getJson(artifacts, plan, RetrievalPlan);
      return { plan, views: views.length };
    },
    async completeRetrieval({ retrievalId, result }) {
      await retrievals.update(retrievalId, { state: 'completed', result, error: null, endedTs: now() });
    },
    async failRetrieval({ retrievalId, error }) {
      await retrievals.update(retrievalId, { state: 'failed', error, endedTs: now() });
    },
  } satisfies RetrievalActivities;
}

export function createRetrievalComputeActivities({
  stores,
  runJob,
  sources,
}: {
  stores: Stores;
  runJob: RunJob;
  sources: SourceSettings;
}) {
  const { artifacts } = stores;
  return {
    async loadRetrievalSpine({ plan: ref, request }) {
      const plan = await getJson(artifacts, ref, RetrievalPlan);
      const origin = await originOf(stores, { plan, request, sources });
      return runJob('loadRetrievalSpine', { plan, origin });
    },
    async joinRetrievalView({ plan: ref, spine, part }) {
      const { views, knowledge } = await getJson(artifacts, ref, RetrievalPlan);
      const view = views[part.view];
      if (view === undefined)
        throw new DomainError('PRN_WORKFLOW_INVARIANT', {
          workflow: 'historicalRetrieval',
          problem: `the plan has no view ${part.view}`,
        });
      return runJob('joinRetrievalView', { view, knowledge, spine, part });
    },
    async assembleRetrieval({ plan: ref, spine, parts }) {
      const plan = await getJson(artifacts, ref, RetrievalPlan);
      return runJob('assembleRetrieval', { plan, planSha256: ref.sha256, spine, parts });
    },
  } satisfies RetrievalComputeActivities;
}

async function pin(dependencies: RetrievalDependencies, ref: ArtifactRef): Promise<RetrievalPlan> {
  const { stores } = dependencies;
  const request = await getJson(stores.artifacts, ref, HistoricalRequest);
  const { spine, usualTime } = await pinSpine(stores, request);
  return RetrievalPlan.parse({
    spine,
    timeColumn: request.timeColumn ?? usualTime,
    knowledge: request.knowledge,
    ...(await planFeatures(dependencies, request)),
  });
}

async function pinSpine(
  stores: Stores,
  { spine }: HistoricalRequest,
): Promise<{ spine: RetrievalPlan['spine']; usualTime: string }> {
  if ('rows' in spine) return { spine: { kind: 'rows' }, usualTime: USUAL_TIME_COLUMN };
  if ('source' in spine) return { spine: { kind: 'source', source: spine.source }, usualTime: USUAL_TIME_COLUMN };
  const { dataset, version: wanted, from, to } = spine;
  const { revision, resource } = await requireResource(stores, 'Dataset', dataset);
  const version =
    wanted === undefined ? await stores.datasets.head(dataset) : await stores.datasets.version(dataset, wanted);
  if (version === null && wanted !== undefined) {
    const known = (await stores.datasets.versions(dataset, 100)).map(({ versionId }) => versionId);
    const kind = `version of dataset ${dataset}`;
    throw new DomainError('PRN_RESOURCE_NOT_FOUND', { kind, name: wanted, hint: didYouMean(wanted, known) });
  }
  if (version === null) throw new DomainError('PRN_DATASET_EMPTY', { dataset, hint: '; ingest a source first' });
  const { versionId } = version;
  return {
    spine: { kind: 'dataset', dataset, revision, versionId, from: timeOf(from), to: timeOf(to) },
    usualTime: resource.spec.eventTime,
  };
}

function timeOf(time: string | number | undefined): number | null {
  if (time === undefined) return null;
  return typeof time === 'number' ? time : parseIso(time);
}

async function originOf(
  stores: Stores,
  { plan, request, sources }: { plan: RetrievalPlan; request: ArtifactRef; sources: SourceSettings },
): Promise<SpineOrigin> {
  const { spine } = plan;
  if (spine.kind === 'source') return { kind: 'source', request: { ...sources, sourceUri: spine.source } };
  if (spine.kind === 'rows') {
    const { spine: asked } = await getJson(stores.artifacts, request, HistoricalRequest);
    return { kind: 'rows', rows: 'rows' in asked ? asked.rows : [] };
  }
  const { dataset, revision, versionId, from, to } = spine;
  const spec = await specOf(stores, dataset, revision);
  const segments = await segmentReferences(stores, dataset, versionId);
  return { kind: 'dataset', dataset, spec, segments, from, to };
}

async function specOf(stores: Stores, dataset: string, revision: number): Promise<DatasetSpec> {
  const stored = await stores.resources.getRevision('Dataset', dataset, revision);
  if (stored?.resource.kind === 'Dataset') return DatasetSchema.parse(stored.resource.spec);
  const name = `${dataset} (revision ${revision})`;
  throw new DomainError('PRN_RESOURCE_NOT_FOUND', { kind: 'Dataset', name, hint: '' });
}
