/** Fixes what a reader of history sees of a feature view, rows that were pushed a moment ago included. */
import { DomainError } from '../domain/errors.js';
import { chunksAsOf } from '../domain/materialization.js';
import type { PinnedView } from '../domain/training.js';
import { featureTypes } from '../ml/features/feature-row-sql.js';
import { type DrainDependencies, drainPushedRows } from './pushed-rows.js';
import { entityOf, requireResource } from './declared.js';

/**
 * The chunks that are there now, of the data that the view last was complete with: while replaced data is computed anew,
 * readers see all of the old and none of the new. Throws `PRN_FEATURE_VIEW_EMPTY`.
 */
export async function pinView(dependencies: DrainDependencies, view: string): Promise<PinnedView> {
  const { stores } = dependencies;
  await drainPushedRows(dependencies, view);
  const { revision, resource } = await requireResource(stores, 'FeatureView', view);
  const { spec } = resource;
  const state = await stores.features.state(view);
  const sinceSeq = state?.viewRevision === revision ? state.sinceSeq : 0;
  const chunks = await stores.features.chunks(view, revision);
  const seen = chunksAsOf(chunks, { throughSeq: Number.MAX_SAFE_INTEGER, sinceSeq });
  const last = seen.at(-1);
  if (last === undefined)
    throw new DomainError('PRN_FEATURE_VIEW_EMPTY', { view, hint: '; run `perennial materialize` first' });
  const dataset = await requireResource(stores, 'Dataset', spec.dataset);
  return {
    view,
    revision,
    spec,
    entity: await entityOf(stores, spec),
    types: Object.fromEntries(featureTypes(spec, dataset.resource.spec).map(({ name, type }) => [name, type])),
    throughSeq: last.seq,
    sinceSeq,
    datasetVersionId: seen.findLast(({ content }) => content !== 'pushed')?.datasetVersionId ?? '',
  };
}
