/** Everything the product keeps, as one object handed to composition roots. Deliberate index of the contracts. */
import type { ArtifactStore } from './artifacts.js';
import type { AuditStore, KeyStore } from './audit.js';
import type { DatasetStore } from './datasets.js';
import type { EndpointStore } from './endpoints.js';
import type { FeatureStore } from './features.js';
import type { LifecycleStore } from './lifecycles.js';
import type { LineageStore } from './lineage.js';
import type { MonitoringStore } from './monitoring.js';
import type { PredictionStore } from './predictions.js';
import type { QuarantineStore } from './quarantine.js';
import type { RegistryStore } from './registry.js';
import type { RetrievalStore } from './retrievals.js';
import type { ResourceStore } from './resources.js';
import type { RunFilesStore } from './run-files.js';
import type { UploadStore } from './uploads.js';

export interface DocumentStores {
  readonly resources: ResourceStore;
  readonly datasets: DatasetStore;
  readonly quarantine: QuarantineStore;
  readonly uploads: UploadStore;
  readonly features: FeatureStore;
  readonly retrievals: RetrievalStore;
  readonly runFiles: RunFilesStore;
  readonly registry: RegistryStore;
  readonly endpoints: EndpointStore;
  readonly predictions: PredictionStore;
  readonly monitoring: MonitoringStore;
  readonly lifecycles: LifecycleStore;
  readonly lineage: LineageStore;
  readonly audit: AuditStore;
  readonly keys: KeyStore;
}

export interface Stores extends DocumentStores {
  readonly artifacts: ArtifactStore;
}
