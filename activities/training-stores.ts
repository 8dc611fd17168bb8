/** What the way from declared resources to a judged model reads and keeps: of an installation's stores, or of files. */
import type { ArtifactStore } from '../store/contracts/artifacts.js';
import type { DatasetStore } from '../store/contracts/datasets.js';
import type { FeatureStore } from '../store/contracts/features.js';
import type { RegistryStore } from '../store/contracts/registry.js';
import type { ResourceStore } from '../store/contracts/resources.js';

export interface TrainingStores {
  readonly artifacts: ArtifactStore;
  readonly resources: Pick<ResourceStore, 'get' | 'getRevision'>;
  readonly datasets: Pick<DatasetStore, 'head' | 'version' | 'segments' | 'replaced'>;
  readonly features: Pick<FeatureStore, 'state' | 'advance' | 'chunks' | 'commitChunk' | 'pushes'>;
  readonly registry: Pick<RegistryStore, 'head' | 'version'>;
}
