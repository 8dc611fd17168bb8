/** Pins everything a training run will read, before it reads a row. */
import type { ArtifactRef } from '../domain/artifact.js';
import { DomainError } from '../domain/errors.js';
import type { EntitySpec, FeatureViewSpec } from '../domain/feature-view.js';
import type { ModelSpec } from '../domain/model.js';
import type { ResourceKind, ResourceOf } from '../domain/resources.js';
import { splitBounds } from '../domain/split.js';
import type { PinnedView, TrainingSnapshot } from '../domain/training.js';
import { featureTypes } from '../ml/features/feature-row-sql.js';
import type { Stores } from '../store/contracts/index.js';
import type { TrainingActivities } from '../workflows/contracts/training.js';
import { putJson } from './json-artifacts.js';
import type { Clock } from './ports.js';

export function createTrainingActivities({ stores, now }: { stores: Stores; now: Clock }) {
  return {
    async snapshotInputs({ pipelineId, model, asOf }) {
      const { revision, resource } = await requireResource(stores, 'Model', model);
      const { spec } = resource;
      const snapshot = await takeSnapshot(stores, {
        pipelineId,
        model,
        modelRevision: revision,
        spec,
        asOf: asOf ?? now(),
      });
      const ref: ArtifactRef = await putJson(stores.artifacts, snapshot);
      return {
        snapshot: ref,
        modelRevision: revision,
        championVersion: snapshot.champion?.version ?? null,
        aliasRevision: snapshot.aliasRevision,
        endpoint: spec.endpoint,
        asOf: snapshot.asOf,
        holdoutFrom: snapshot.split.holdoutFrom,
        holdoutTo: snapshot.split.holdoutTo,
      };
    },
  } satisfies TrainingActivities;
}

async function takeSnapshot(
  stores: Stores,
  run: { pipelineId: string; model: string; modelRevision: number; spec: ModelSpec; asOf: number },
): Promise<TrainingSnapshot> {
  const { spec, model, asOf } = run;
  const dataset = await requireResource(stores, 'Dataset', spec.spine.dataset);
  const version = await stores.datasets.head(spec.spine.dataset);
  if (version === null)
    throw new DomainError('PRN_DATASET_EMPTY', { dataset: spec.spine.dataset, hint: '; ingest a source first' });
  const head = await stores.registry.head(model);
  return {
    ...run,
    spine: {
      dataset: version.dataset,
      revision: dataset.revision,
      versionId: version.versionId,
      commitSeq: version.commitSeq,
    },
    views: await Promise.all(viewsOf(spec).map((view) => pinView(stores, view))),
    split: splitBounds(spec, asOf, version.minEventTs),
    champion: head?.champion == null ? null : { version: head.champion },
    aliasRevision: head?.aliasRevision ?? 0,
    knowledge: dataset.resource.spec.knowledge.from === 'commit' ? 'observed' : 'declared',
  };
}

function viewsOf(spec: ModelSpec): string[] {
  return [...new Set(spec.features.flatMap((feature) => ('view' in feature ? [feature.view] : [])))];
}

async function pinView(stores: Stores, view: string): Promise<PinnedView> {
  const { revision, resource } = await requireResource(stores, 'FeatureView', view);
  const entity = await entityOf(stores, resource.spec);
  const chunks = await stores.features.chunks(view, revision);
  const last = chunks.at(-1);
  if (last === undefined)
    throw new DomainError('PRN_FEATURE_VIEW_EMPTY', { view, hint: '; run `perennial materialize` first' });
  const { seq: throughSeq, datasetVersionId } = last;
  const dataset = await requireResource(stores, 'Dataset', resource.spec.dataset);
  const types = Object.fromEntries(
    featureTypes(resource.spec, dataset.resource.spec).map(({ name, type }) => [name, type]),
  );
  return { view, revision, spec: resource.spec, entity, types, throughSeq, datasetVersionId };
}

/** The entity of a view; null where its values hold for everybody. */
export async function entityOf(
  stores: Pick<Stores, 'resources'>,
  { entity }: Pick<FeatureViewSpec, 'entity'>,
): Promise<EntitySpec | null> {
  return entity === undefined ? null : (await requireResource(stores, 'Entity', entity)).resource.spec;
}

/** A resource that must exist, typed by its kind. */
export async function requireResource<K extends ResourceKind>(
  stores: Pick<Stores, 'resources'>,
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
