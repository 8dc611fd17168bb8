/** What it takes to read a source that is no file: how far its collection was read, or the versions its query sees. */
import type { DatasetSpec } from '../domain/dataset.js';
import { declaredSourceUri, replacesRows } from '../domain/dataset-source.js';
import { DomainError } from '../domain/errors.js';
import type { Stores } from '../store/contracts/index.js';
import type { Feed, QueryInput } from './jobs/sources/contract.js';
import { historyReferences } from './segment-references.js';
import { requireResource } from './declared.js';

/**
 * The feed behind a source's address, or null for a file. Throws `PRN_DATASET_SOURCE_MISSING` for a collection or query
 * that the dataset does not declare any more, and `PRN_DATASET_EMPTY` for an input of a query without a version.
 */
export async function feedOf(
  stores: Stores,
  { dataset, spec, sourceUri }: { dataset: string; spec: DatasetSpec; sourceUri: string },
): Promise<Feed | null> {
  if (!/^(mongo|query):/.test(sourceUri)) return null;
  const { source, query } = spec;
  if (sourceUri !== declaredSourceUri(dataset, spec))
    throw new DomainError('PRN_DATASET_SOURCE_MISSING', { uri: sourceUri });
  if (query !== undefined) {
    const aliases = Object.entries(query.from).sort(([left], [right]) => (left < right ? -1 : 1));
    const inputs: QueryInput[] = [];
    for (const [alias, name] of aliases) inputs.push(await pinInput(stores, alias, name));
    return { kind: 'query', sql: query.sql, inputs };
  }
  if (source === undefined || typeof source === 'string') return null;
  const after = replacesRows(spec) ? null : await stores.datasets.highWater(dataset);
  return { kind: 'collection', source: source.mongo, after };
}

async function pinInput(stores: Stores, alias: string, dataset: string): Promise<QueryInput> {
  const { resource } = await requireResource(stores, 'Dataset', dataset);
  const head = await stores.datasets.head(dataset);
  if (head === null) throw new DomainError('PRN_DATASET_EMPTY', { dataset, hint: '; ingest a source into it first' });
  const { versionId, commitSeq } = head;
  const segments = await historyReferences(stores, dataset, versionId);
  return { alias, dataset, versionId, commitSeq, spec: resource.spec, segments };
}
