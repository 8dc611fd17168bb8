/** Ingestion as activities: the CPU part runs in the pool, the writes here. */
import { DatasetSpec, Segment } from '../domain/dataset.js';
import { replacesRows } from '../domain/dataset-source.js';
import { naturalKeyId, type Sha256Hex } from '../domain/ids.js';
import type { Ingestion } from '../store/contracts/datasets.js';
import type { Stores } from '../store/contracts/index.js';
import type { DatasetActivities, DatasetComputeActivities } from '../workflows/contracts/dataset.js';
import { feedOf } from './dataset-feed.js';
import type { RunJob } from './jobs/index.js';
import type { SourceRequest } from './jobs/sources/contract.js';
import { getJson } from './json-artifacts.js';
import type { Clock, WorkflowPort } from './ports.js';
import { requireResource } from './training.js';
import { validationContext } from './validation-context.js';

/** What the installation allows sources to be. */
export type SourceSettings = Pick<SourceRequest, 'sourceFolders' | 'privateFolder' | 'sourceHosts' | 'limits'>;

export function createDatasetComputeActivities({
  stores,
  runJob,
  ...settings
}: { stores: Stores; runJob: RunJob } & SourceSettings) {
  return {
    async prepareSegment({ ingestionId, dataset, sourceUri }) {
      const { revision, resource } = await requireResource(stores, 'Dataset', dataset);
      const spec = DatasetSpec.parse(resource.spec);
      const feed = (await feedOf(stores, { dataset, spec, sourceUri })) ?? undefined;
      const ingestion = await stores.datasets.getIngestion(ingestionId);
      const context = await validationContext(stores, dataset, spec);
      const receivedTs = ingestion?.startedTs;
      const source = { ...settings, sourceUri, feed };
      const prepared = await runJob('prepareSegment', { ...source, ...context, dataset, revision, spec, receivedTs });
      if (prepared.outcome !== 'nothing') return prepared;
      const head = await stores.datasets.head(dataset);
      if (head === null) return { outcome: 'refused', revision, report: null, failures: ['the source has no rows'] };
      return { outcome: 'unchanged', commitSeq: head.commitSeq, versionId: head.versionId };
    },
  } satisfies DatasetComputeActivities;
}

export function createDatasetActivities(dependencies: {
  stores: Stores;
  workflows: Pick<WorkflowPort, 'ingestDataset'>;
  now: Clock;
  sha256Hex: Sha256Hex;
}) {
  const { stores, workflows, now, sha256Hex } = dependencies;
  const { datasets, artifacts } = stores;
  return {
    async commitDatasetVersion({ ingestionId, dataset, revision, segment: reference, actor }) {
      const segment = await getJson(artifacts, reference, Segment);
      const declared = await stores.resources.getRevision('Dataset', dataset, revision);
      const replaces = declared?.resource.kind === 'Dataset' && replacesRows(declared.resource.spec);
      const commit = { segment, revision, actor, now: now(), ingestionId, replaces };
      const { status, version } = await datasets.commitSegment(commit);
      return { status, commitSeq: version.commitSeq, versionId: version.versionId };
    },
    async recordIngestion(state) {
      const standing = await datasets.getIngestion(state.ingestionId);
      const ended = state.state === 'running' ? null : now();
      const ingestion: Ingestion = { ...state, startedTs: standing?.startedTs ?? now(), endedTs: ended };
      await datasets.saveIngestion(ingestion);
    },
    async startDependents({ dataset }) {
      const started: string[] = [];
      for (const { name, revision, resource } of await stores.resources.list('Dataset')) {
        const from = resource.kind === 'Dataset' ? Object.values(resource.spec.query?.from ?? {}) : [];
        if (!from.includes(dataset)) continue;
        const heads = await Promise.all([...new Set(from)].sort().map((input) => datasets.head(input)));
        // The one that comes last starts it.
        if (heads.includes(null)) continue;
        const versions = heads.map((head) => head?.versionId);
        const ingestionId = naturalKeyId(sha256Hex, ['query', name, revision, ...versions]);
        const requestedBy = `dataset/${dataset}`;
        await workflows.ingestDataset({ ingestionId, dataset: name, sourceUri: `query:${name}`, requestedBy });
        started.push(name);
      }
      return { started };
    },
  } satisfies DatasetActivities;
}
