/** The segments of a dataset version as jobs take them, alone or with those that they replaced. */
import type { DatasetSpec, DatasetVersion } from '../domain/dataset.js';
import { sameDefinition } from '../domain/dataset-history.js';
import { DomainError } from '../domain/errors.js';
import type { SegmentReference } from './jobs/segments.js';
import type { TrainingStores } from './training-stores.js';

type DatasetStores = Pick<TrainingStores, 'datasets' | 'resources'>;

/** The rows that stand in a version. When they were known follows only with {@link historyReferences}. */
export async function segmentReferences(
  stores: Pick<TrainingStores, 'datasets'>,
  dataset: string,
  versionId: string,
): Promise<SegmentReference[]> {
  return standing(stores, await requireVersion(stores, dataset, versionId));
}

/**
 * Those, and before them the segments of all versions that were replaced since the dataset means the same rows: what each
 * row was at any time, and since when it was known.
 */
export async function historyReferences(
  stores: DatasetStores,
  dataset: string,
  versionId: string,
): Promise<SegmentReference[]> {
  return referencesOf(stores, await historyVersions(stores, await requireVersion(stores, dataset, versionId)));
}

/** The same of versions that {@link historyVersions} gave. */
export async function referencesOf(
  stores: Pick<TrainingStores, 'datasets'>,
  versions: readonly DatasetVersion[],
): Promise<SegmentReference[]> {
  const history: SegmentReference[] = [];
  for (const version of versions) {
    // A version that replaces all rows begins with the commit that did.
    const replacedTs = history[0]?.commitKnownTs;
    const segments = await standing(stores, version);
    history.unshift(...segments.map((segment) => ({ ...segment, ...(replacedTs !== undefined && { replacedTs }) })));
  }
  return history;
}

/** The version and those it replaced under the same definition of the dataset, newest first. */
export async function historyVersions(stores: DatasetStores, version: DatasetVersion): Promise<DatasetVersion[]> {
  const versions = [version];
  const definition = await definitionAt(stores, version);
  // Most versions have the definition of the one behind them.
  const definitions = new Map([[version.revision, definition]]);
  for (const replaced of await stores.datasets.replaced(version)) {
    const { revision } = replaced;
    const known = definitions.get(revision);
    const earlier = known === undefined ? await definitionAt(stores, replaced) : known;
    definitions.set(revision, earlier);
    if (definition === null || earlier === null || !sameDefinition(definition, earlier)) break;
    versions.push(replaced);
  }
  return versions;
}

async function definitionAt(
  { resources }: Pick<TrainingStores, 'resources'>,
  { dataset, revision }: DatasetVersion,
): Promise<DatasetSpec | null> {
  const stored = await resources.getRevision('Dataset', dataset, revision);
  return stored?.resource.kind === 'Dataset' ? stored.resource.spec : null;
}

async function requireVersion(
  { datasets }: Pick<TrainingStores, 'datasets'>,
  dataset: string,
  versionId: string,
): Promise<DatasetVersion> {
  const version = await datasets.version(dataset, versionId);
  if (version === null) throw new DomainError('PRN_DATASET_EMPTY', { dataset, hint: ` ${versionId}` });
  return version;
}

async function standing(
  { datasets }: Pick<TrainingStores, 'datasets'>,
  version: DatasetVersion,
): Promise<SegmentReference[]> {
  const segments = await datasets.segments(version);
  return segments.map(({ table, commitSeq, commitKnownTs }) => ({ table, commitSeq, commitKnownTs }));
}
