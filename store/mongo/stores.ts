/** All repositories over one database. */
import type { Sha256Hex } from '../../domain/ids.js';
import type { ArtifactStore } from '../contracts/artifacts.js';
import type { Stores } from '../contracts/index.js';
import { createAppendAudit, createAuditStore } from './audit.js';
import type { Database } from './database.js';
import { createDatasetStore } from './datasets.js';
import { createEndpointStore } from './endpoints.js';
import { createFeatureStore } from './features.js';
import { createKeyStore } from './keys.js';
import { createLifecycleStore } from './lifecycles.js';
import { createLineageStore } from './lineage.js';
import { createMonitoringStore } from './monitoring.js';
import { createAppendEvent } from './outbox.js';
import { createPredictionStore } from './predictions.js';
import { createQuarantineStore } from './quarantine.js';
import { createRegistryStore } from './registry.js';
import { createRetrievalStore } from './retrievals.js';
import { createResourceStore } from './resources.js';
import { createRunFilesStore } from './run-files.js';
import { createUploadStore } from './uploads.js';

export interface StoreOptions {
  readonly artifacts: ArtifactStore;
  /** Wall time in microseconds. */
  readonly now: () => number;
  readonly sha256Hex: Sha256Hex;
  /** Only fault tests give one. */
  readonly failpoint?: (name: string) => Promise<void>;
}

export function createStores(database: Database, options: StoreOptions): Stores {
  const { artifacts, now, sha256Hex, failpoint = () => Promise.resolve() } = options;
  const append = createAppendAudit(database, sha256Hex);
  const appendEvent = createAppendEvent(database, now);
  return {
    artifacts,
    resources: createResourceStore(database, { append, now }),
    datasets: createDatasetStore(database, { append, appendEvent, sha256Hex }),
    quarantine: createQuarantineStore(database, { append, appendEvent }),
    uploads: createUploadStore(database),
    retrievals: createRetrievalStore(database),
    runFiles: createRunFilesStore(database),
    features: createFeatureStore(database),
    registry: createRegistryStore(database, { append, appendEvent, now }),
    endpoints: createEndpointStore(database, { append, appendEvent, failpoint }),
    predictions: createPredictionStore(database),
    monitoring: createMonitoringStore(database),
    lifecycles: createLifecycleStore(database, { append, now }),
    lineage: createLineageStore(database),
    audit: createAuditStore(database, { append, sha256Hex }),
    keys: createKeyStore(database, { append, now }),
  };
}
