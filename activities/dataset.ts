/** Ingestion as activities: the CPU part runs in the pool, the writes here. */
import { DatasetSpec, Segment } from '../domain/dataset.js';
import { replacesRows } from '../domain/dataset-source.js';
import type { Sha256Hex } from '../domain/ids.js';
import { quarantineAddressIn } from '../domain/quarantine-release.js';
import type { Ingestion } from '../store/contracts/datasets.js';
import type { Stores } from '../store/contracts/index.js';
import type { DatasetActivities, DatasetComputeActivities } from '../workflows/contracts/dataset.js';
import type { QuarantineComputeActivities } from '../workflows/contracts/quarantine.js';
import { feedOf } from './dataset-feed.js';
import { type DependentsDependencies, startDependents } from './dependents.js';
import type { RunJob } from './jobs/index.js';
import type { SourceRequest } from './jobs/sources/contract.js';
import { getJson } from '../store/contracts/json-artifacts.js';
import type { Clock } from './ports.js';
import { requireResource } from './declared.js';
import { appliedDecision, splitCase, storedSource } from './stored-sources.js';
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
      const stored = await storedSource({ stores, runJob }, { dataset, spec, revision }, sourceUri);
      const feed = stored?.feed ?? (await feedOf(stores, { dataset, spec, sourceUri })) ?? undefined;
      const judgedBy = stored?.spec ?? spec;
      const ingestion = await stores.datasets.getIngestion(ingestionId);
      const context = await validationContext(stores, dataset, judgedBy);
      const about = { dataset, revision, spec: judgedBy, receivedTs: ingestion?.startedTs };
      const read = await runJob('prepareSegment', { ...settings, sourceUri, feed, ...context, ...about });
      const prepared = stored === null ? read : await stored.finish(read);
      if (prepared.outcome !== 'nothing') return prepared;
      const head = await stores.datasets.head(dataset);
      if (head === null) return { outcome: 'refused', revision, report: null, failures: ['the source has no rows'] };
      return { outcome: 'unchanged', commitSeq: head.commitSeq, versionId: head.versionId };
    },
    async selectDiscarded(address) {
      const applied = await appliedDecision(stores, address);
      const { resource } = await requireResource(stores, 'Dataset', applied.standing.dataset);
      const { split } = await splitCase(runJob, resource, { ...applied, refused: null });
      await stores.quarantine.saveSplit(address, split);
      return { selected: split.selected };
    },
  } satisfies DatasetComputeActivities & QuarantineComputeActivities;
}

export function createDatasetActivities(dependencies: {
  stores: Stores;
  workflows: DependentsDependencies['workflows'];
  now: Clock;
  sha256Hex: Sha256Hex;
}) {
  const { stores, now } = dependencies;
  const { datasets, artifacts } = stores;
  return {
    async commitDatasetVersion({ ingestionId, dataset, revision, segment: reference, actor }) {
      const segment = await getJson(artifacts, reference, Segment);
      const declared = await stores.resources.getRevision('Dataset', dataset, revision);
      const spec = declared?.resource.kind === 'Dataset' ? declared.resource.spec : null;
      const address = quarantineAddressIn(segment.sourceUri);
      // Rows that come back join those that the source of their case brought.
      const replaces = spec !== null && replacesRows(spec) && address === null;
      if (address !== null) await appliedDecision(stores, address);
      const policy = spec?.quarantine;
      const commit = { segment, revision, actor, now: now(), ingestionId, replaces, ...(policy && { policy }) };
      const { status, version } = await datasets.commitSegment(commit);
      return { status, commitSeq: version.commitSeq, versionId: version.versionId };
    },
    async recordIngestion(state) {
      const standing = await datasets.getIngestion(state.ingestionId);
      const ended = state.state === 'running' ? null : now();
      const ingestion: Ingestion = { ...state, startedTs: standing?.startedTs ?? now(), endedTs: ended };
      await datasets.saveIngestion(ingestion);
    },
    startDependents: ({ dataset }) => startDependents(dependencies, dataset),
  } satisfies DatasetActivities;
}
