/** Refuses revisions of datasets that their old rows cannot follow. */
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
