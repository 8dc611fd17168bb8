/** Refuses revisions that others cannot follow: of datasets their old rows, of feature views the versions that serve. */
import { canonicalJson } from '../domain/canonical-json.js';
import { replacesRows } from '../domain/dataset-source.js';
import { DomainError } from '../domain/errors.js';
import type { Resource } from '../domain/resources.js';
import { schemaChanges } from '../domain/schema-evolution.js';
import type { Stores } from '../store/contracts/index.js';

/** Throws `PRN_DATASET_SCHEMA_CHANGE` for a dataset with versions whose schema does more than grow. */
export async function requireGrowing(stores: Stores, resources: readonly Resource[]): Promise<void> {
  for (const resource of resources) {
    if (resource.kind !== 'Dataset' || replacesRows(resource.spec)) continue;
    const { name } = resource.metadata;
    const head = await stores.datasets.head(name);
    if (head === null) continue;
    // That of the newest rows, and not the last one: what was declared since then holds no rows yet.
    const written = await stores.resources.getRevision('Dataset', name, head.revision);
    if (written?.resource.kind !== 'Dataset') continue;
    const refused = schemaChanges(written.resource.spec, resource.spec).filter(({ allowed }) => !allowed);
    if (refused.length === 0) continue;
    const changes = refused.map(({ message }) => message).join('; ');
    throw new DomainError('PRN_DATASET_SCHEMA_CHANGE', { dataset: name, changes });
  }
}

/**
 * Throws `PRN_FEATURE_VIEW_IN_USE` for another spec of a view that a version in production reads. Versions are
 * frozen to the revision they were trained on, and only the newest one gets new rows: their features would grow old.
 */
export async function requireUnusedViews(stores: Stores, resources: readonly Resource[]): Promise<void> {
  for (const resource of resources) {
    if (resource.kind !== 'FeatureView') continue;
    const { name } = resource.metadata;
    const standing = await stores.resources.get('FeatureView', name);
    if (standing === null || canonicalJson(standing.resource.spec) === canonicalJson(resource.spec)) continue;
    const readers = await servingReaders(stores, name);
    if (readers.length > 0)
      throw new DomainError('PRN_FEATURE_VIEW_IN_USE', { view: name, readers: readers.join(', ') });
  }
}

async function servingReaders({ registry }: Stores, view: string): Promise<string[]> {
  const heads = await registry.heads();
  const versions = (await Promise.all(heads.map(({ model }) => registry.versions(model)))).flat();
  return versions
    .filter(({ stage, bundle }) => stage === 'production' && bundle.views.some((each) => each.view === view))
    .map(({ model, version }) => `${model}/${version}`);
}
