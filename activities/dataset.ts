/** Ingestion as activities: the CPU part runs in the pool, the writes here. */
import { DatasetSpec, Segment } from '../domain/dataset.js';
import type { Ingestion } from '../store/contracts/datasets.js';
import type { Stores } from '../store/contracts/index.js';
import type { DatasetActivities, DatasetComputeActivities } from '../workflows/contracts/dataset.js';
import { getJson } from './json-artifacts.js';
import type { RunJob } from './jobs/index.js';
import type { Clock } from './ports.js';
import { requireResource } from './training.js';

export function createDatasetComputeActivities(dependencies: {
  stores: Stores;
  runJob: RunJob;
  sourceFolders: readonly string[];
}) {
  const { stores, runJob, sourceFolders } = dependencies;
  return {
    async prepareSegment({ dataset, sourceUri }) {
      const { revision, resource } = await requireResource(stores, 'Dataset', dataset);
      const prepared = await runJob('prepareSegment', {
        dataset,
        revision,
        spec: DatasetSpec.parse(resource.spec),
        sourceUri,
        sourceFolders,
      });
      if (prepared.outcome !== 'nothing') return prepared;
      const head = await stores.datasets.head(dataset);
      if (head === null) return { outcome: 'refused', revision, failures: ['the source has no rows'] };
      return { outcome: 'unchanged', commitSeq: head.commitSeq, versionId: head.versionId };
    },
  } satisfies DatasetComputeActivities;
}

export function createDatasetActivities({ stores, now }: { stores: Stores; now: Clock }) {
  const { datasets, artifacts } = stores;
  return {
    async commitDatasetVersion({ revision, segment, actor }) {
      const content = await getJson(artifacts, segment, Segment);
      const { status, version } = await datasets.commitSegment({ segment: content, revision, actor, now: now() });
      return { status, commitSeq: version.commitSeq, versionId: version.versionId };
    },
    async recordIngestion(state) {
      const standing = await datasets.getIngestion(state.ingestionId);
      const ended = state.state === 'running' ? null : now();
      const ingestion: Ingestion = { ...state, startedTs: standing?.startedTs ?? now(), endedTs: ended };
      await datasets.saveIngestion(ingestion);
    },
  } satisfies DatasetActivities;
}
