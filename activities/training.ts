/** Pins everything a training run will read, before it reads a row. */
import type { ArtifactRef } from '../domain/artifact.js';
import { DomainError } from '../domain/errors.js';
import type { ModelSpec } from '../domain/model.js';
import { splitBounds } from '../domain/split.js';
import type { TrainingSnapshot } from '../domain/training.js';
import type { TrainingActivities } from '../workflows/contracts/training.js';
import { pinView } from './pinned-views.js';
import type { DrainDependencies } from './pushed-rows.js';
import { requireResource } from './declared.js';
import { putJson } from '../store/contracts/json-artifacts.js';
import type { Clock } from './ports.js';

export interface TrainingDependencies extends DrainDependencies {
  readonly now: Clock;
}

export function createTrainingActivities(dependencies: TrainingDependencies) {
  const { stores, now } = dependencies;
  return {
    async snapshotInputs({ pipelineId, model, asOf }) {
      const { revision, resource } = await requireResource(stores, 'Model', model);
      const { spec } = resource;
      const snapshot = await takeSnapshot(dependencies, {
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
        trainerKind: spec.trainer.kind,
        ...(spec.trainer.search !== undefined && { searches: true }),
        asOf: snapshot.asOf,
        holdoutFrom: snapshot.split.holdoutFrom,
        holdoutTo: snapshot.split.holdoutTo,
      };
    },
  } satisfies TrainingActivities;
}

async function takeSnapshot(
  dependencies: TrainingDependencies,
  run: { pipelineId: string; model: string; modelRevision: number; spec: ModelSpec; asOf: number },
): Promise<TrainingSnapshot> {
  const { stores } = dependencies;
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
    views: await Promise.all(viewsOf(spec).map((view) => pinView(dependencies, view))),
    split: splitBounds(spec, asOf, version.minEventTs),
    champion: head?.champion == null ? null : { version: head.champion },
    aliasRevision: head?.aliasRevision ?? 0,
    knowledge: dataset.resource.spec.knowledge.from === 'commit' ? 'observed' : 'declared',
  };
}

function viewsOf(spec: ModelSpec): string[] {
  return [...new Set(spec.features.flatMap((feature) => ('view' in feature ? [feature.view] : [])))];
}
