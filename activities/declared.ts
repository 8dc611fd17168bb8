/** Declared resources as activities need them: present, and typed by their kind. */
import { DomainError } from '../domain/errors.js';
import type { EntitySpec, FeatureViewSpec } from '../domain/feature-view.js';
import type { ResourceKind, ResourceOf } from '../domain/resources.js';
import type { TrainingStores } from './training-stores.js';

/** The entity of a view; null where its values hold for everybody. */
export async function entityOf(
  stores: Pick<TrainingStores, 'resources'>,
  { entity }: Pick<FeatureViewSpec, 'entity'>,
): Promise<EntitySpec | null> {
  return entity === undefined ? null : (await requireResource(stores, 'Entity', entity)).resource.spec;
}

/** A resource that must exist, typed by its kind. */
export async function requireResource<K extends ResourceKind>(
  stores: Pick<TrainingStores, 'resources'>,
  kind: K,
  name: string,
): Promise<{ readonly revision: number; readonly resource: ResourceOf<K> }> {
  const stored = await stores.resources.get(kind, name);
  if (stored === null || !isKind(stored.resource, kind))
    throw new DomainError('PRN_RESOURCE_NOT_FOUND', { kind, name, hint: '' });
  return { revision: stored.revision, resource: stored.resource };
}

function isKind<K extends ResourceKind>(resource: { kind: ResourceKind }, kind: K): resource is ResourceOf<K> {
  return resource.kind === kind;
}
