/** Stores for one training over files: resources and datasets are what was read, feature chunks are kept in memory. */
import type { TrainingStores } from '../../activities/training-stores.js';
import type { DatasetVersion } from '../../domain/dataset.js';
import { datasetVersionId } from '../../domain/dataset-history.js';
import { MaterializationChunk, type MaterializationState } from '../../domain/materialization.js';
import type { Resource, ResourceKind } from '../../domain/resources.js';
import type { ArtifactStore } from '../../store/contracts/artifacts.js';
import { sha256Hex } from '../../store/contracts/digests.js';
import type { StoredResource } from '../../store/contracts/resources.js';
import type { IngestedTables, LocalDataset } from './dataset-tables.js';
import type { LocalResources } from './resources.js';

/** Whatever was read from files has one revision. */
const REVISION = 1;

export function openTrainingStores(
  artifacts: ArtifactStore,
  read: { readonly resources: LocalResources; readonly ingested: IngestedTables },
): TrainingStores {
  const { resources, ingested } = read;
  return {
    artifacts,
    resources: resourceStore(resources),
    datasets: datasetStore(ingested.datasets),
    features: featureStore(),
    // Nobody is in production here.
    registry: { head: () => Promise.resolve(null), version: () => Promise.resolve(null) },
  };
}

function resourceStore(resources: LocalResources): TrainingStores['resources'] {
  const get = (kind: ResourceKind, name: string): Promise<StoredResource | null> => {
    const all: readonly Resource[] = resources.all(kind);
    const resource = all.find(({ metadata }) => metadata.name === name);
    return Promise.resolve(
      resource === undefined ? null : { kind, name, revision: REVISION, resource, appliedBy: 'local', appliedTs: 0 },
    );
  };
  return { get, getRevision: get };
}

function datasetStore(datasets: IngestedTables['datasets']): TrainingStores['datasets'] {
  const versionOf = (dataset: string): DatasetVersion | null => {
    const found = datasets.get(dataset);
    return found === undefined || found.segments.length === 0 ? null : localVersion(found);
  };
  return {
    head: (dataset) => Promise.resolve(versionOf(dataset)),
    version: (dataset) => Promise.resolve(versionOf(dataset)),
    // Of a dataset that replaces its rows only the last file was kept.
    replaced: () => Promise.resolve([]),
    segments: ({ dataset }) => Promise.resolve(committedSegments(datasets.get(dataset))),
  };
}

function localVersion({ name, commits, segments, files }: LocalDataset): DatasetVersion {
  const sum = (of: 'accepted' | 'quarantined'): number => segments.reduce((total, segment) => total + segment[of], 0);
  const segmentIds = segments.map(({ segmentId }) => segmentId);
  return {
    dataset: name,
    versionId: datasetVersionId(sha256Hex, { dataset: name, segmentIds }),
    commitSeq: commits,
    sinceSeq: files[0]?.commitSeq ?? 1,
    knownTs: files.at(-1)?.commitKnownTs ?? 0,
    revision: REVISION,
    segmentIds,
    rows: sum('accepted'),
    quarantined: sum('quarantined'),
    minEventTs: Math.min(...segments.map(({ minEventTs }) => minEventTs)),
    maxEventTs: Math.max(...segments.map(({ maxEventTs }) => maxEventTs)),
    committedBy: 'local',
  };
}

function committedSegments(
  dataset: LocalDataset | undefined,
): Awaited<ReturnType<TrainingStores['datasets']['segments']>> {
  return (dataset?.segments ?? []).flatMap((segment, index) => {
    const file = dataset?.files[index];
    return file === undefined ? [] : [{ ...segment, commitSeq: file.commitSeq, commitKnownTs: file.commitKnownTs }];
  });
}

function featureStore(): TrainingStores['features'] {
  const chunks: MaterializationChunk[] = [];
  const states = new Map<string, MaterializationState>();
  return {
    state: (view) => Promise.resolve(states.get(view) ?? null),
    async advance(state) {
      states.set(state.view, state);
    },
    commitChunk(chunk) {
      const committed = MaterializationChunk.parse({ ...chunk, seq: chunks.length + 1 });
      chunks.push(committed);
      return Promise.resolve(committed);
    },
    chunks: (view) => Promise.resolve(chunks.filter((chunk) => chunk.view === view)),
    pushes: () => Promise.resolve([]),
  };
}
