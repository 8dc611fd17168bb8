/** What materialisation reads of a view: the revision that a run fixed, and the chunks that belong to it. */
import { DomainError } from '../domain/errors.js';
import type { EntityKey, FeatureViewSpec } from '../domain/feature-view.js';
import { chunksAsOf, type MaterializationChunk } from '../domain/materialization.js';
import type { MaterializedVersion } from '../workflows/contracts/features.js';
import { entityOf } from './declared.js';
import type { TrainingStores } from './training-stores.js';

export interface ViewRevision {
  readonly spec: FeatureViewSpec;
  readonly entityKeys: readonly EntityKey[];
}

/** The view as it was when the run began, whatever was applied since. */
export async function viewRevisionOf(
  stores: Pick<TrainingStores, 'resources'>,
  { view, viewRevision }: Pick<MaterializedVersion, 'view' | 'viewRevision'>,
): Promise<ViewRevision> {
  const stored = await stores.resources.getRevision('FeatureView', view, viewRevision);
  if (stored?.resource.kind !== 'FeatureView') {
    const name = `${view} (revision ${viewRevision})`;
    throw new DomainError('PRN_RESOURCE_NOT_FOUND', { kind: 'FeatureView', name, hint: '' });
  }
  const { spec } = stored.resource;
  return { spec, entityKeys: (await entityOf(stores, spec))?.keys ?? [] };
}

/** The chunks of a run's generation, in order; those of other data or another revision are left out. */
export async function chunksOf(
  { features }: Pick<TrainingStores, 'features'>,
  at: Pick<MaterializedVersion, 'view' | 'viewRevision' | 'version'>,
): Promise<MaterializationChunk[]> {
  const chunks = await features.chunks(at.view, at.viewRevision);
  return chunksAsOf(chunks, { throughSeq: Number.MAX_SAFE_INTEGER, sinceSeq: at.version?.sinceSeq ?? 0 });
}
