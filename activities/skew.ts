/** The skew certificate of a version: documents are gathered here, the comparison runs in the compute pool. */
import { TrainingSnapshot } from '../domain/training.js';
import type { Stores } from '../store/contracts/index.js';
import type { SkewActivities } from '../workflows/contracts/skew.js';
import type { RunJob } from './jobs/index.js';
import { getJson } from '../store/contracts/json-artifacts.js';
import { historyReferences } from './segment-references.js';
import { requireVersion } from './registry.js';
import { spineSpec, viewChunks } from './training-compute.js';

export interface SkewDependencies {
  readonly stores: Stores;
  readonly runJob: RunJob;
}

export function createSkewActivities({ stores, runJob }: SkewDependencies) {
  return {
    async certifySkew({ model, version, snapshot: ref, actor }) {
      const { bundle } = await requireVersion(stores, model, version);
      const snapshot = await getJson(stores.artifacts, ref, TrainingSnapshot);
      const { skew } = await runJob('certifySkew', {
        bundle,
        snapshot,
        dataset: await spineSpec(stores, snapshot),
        segments: await historyReferences(stores, snapshot.spine.dataset, snapshot.spine.versionId),
        viewChunks: await viewChunks(stores, snapshot),
      });
      await stores.registry.setSkew({ model, version, skew, actor });
      const { verdict, comparisons, mismatches } = skew;
      return { verdict, comparisons, mismatches };
    },
  } satisfies SkewActivities;
}
