/** All activities, grouped by the queue they are served on. */
import { heartbeat } from '@temporalio/activity';
import { createDatasetActivities, createDatasetComputeActivities, type SourceSettings } from '../activities/dataset.js';
import type { CommandPort } from '../activities/command-process.js';
import { createExternalTrainingActivities } from '../activities/external-training.js';
import { createFeatureActivities, createFeatureComputeActivities } from '../activities/features.js';
import { createRetrievalActivities, createRetrievalComputeActivities } from '../activities/historical-retrieval.js';
import type { RunJob } from '../activities/jobs/index.js';
import { createLifecycleActivities } from '../activities/lifecycle.js';
import { createMonitoringActivities } from '../activities/monitoring.js';
import { createMonitoringComputeActivities } from '../activities/monitoring-compute.js';
import type { ServingPort, WorkflowPort } from '../activities/ports.js';
import { createQuarantineActivities } from '../activities/quarantine.js';
import { createRegistryActivities } from '../activities/registry.js';
import { createRolloutActivities } from '../activities/rollout.js';
import { createRolloutComputeActivities } from '../activities/rollout-compute.js';
import { createTrainingActivities } from '../activities/training.js';
import { createServedFeatureActivities } from '../activities/served-features.js';
import { createSkewActivities } from '../activities/skew.js';
import { createTrainingComputeActivities } from '../activities/training-compute.js';
import { sha256Hex } from '../store/contracts/digests.js';
import type { Stores } from '../store/contracts/index.js';
import type { TableEngine } from '../store/contracts/tables.js';
import { quarantineRows } from '../store/tables/quarantine-rows.js';

export interface ActivityDependencies {
  readonly stores: Stores;
  readonly tables: TableEngine;
  readonly workflows: WorkflowPort;
  readonly serving: ServingPort;
  readonly runJob: RunJob;
  readonly sources: SourceSettings;
  readonly external: {
    readonly commands: CommandPort;
    readonly apiUrl: string | null;
    readonly stalledAfterMs: number;
    readonly mintToken: () => string;
  };
  /** Wall time in microseconds. */
  readonly now: () => number;
}

export function createIoActivities(dependencies: ActivityDependencies) {
  const { stores, tables, workflows, serving, now } = dependencies;
  const rows = quarantineRows(() => Promise.resolve(tables), stores.artifacts);
  return {
    ...createDatasetActivities({ stores, workflows, now, sha256Hex }),
    ...createQuarantineActivities({ stores, rows, workflows, now, sha256Hex }),
    ...createFeatureActivities({ stores, tables, now, sha256Hex, heartbeat }),
    ...createRetrievalActivities({ stores, tables, now, sha256Hex }),
    ...createTrainingActivities({ stores, tables, now, sha256Hex }),
    ...createRegistryActivities({ stores, serving, now, sha256Hex, heartbeat }),
    ...createRolloutActivities({ stores, now, heartbeat }),
    ...createLifecycleActivities({ stores, workflows, now, sha256Hex }),
    ...createMonitoringActivities({ stores, workflows, now }),
  };
}

export function createComputeActivities({ stores, runJob, sources, external, now }: ActivityDependencies) {
  return {
    ...createDatasetComputeActivities({ stores, runJob, ...sources }),
    ...createFeatureComputeActivities({ stores, runJob }),
    ...createRetrievalComputeActivities({ stores, runJob, sources }),
    ...createTrainingComputeActivities({ stores, runJob }),
    ...createExternalTrainingActivities({ stores, runJob, ...external, sha256Hex, now }),
    ...createSkewActivities({ stores, runJob }),
    ...createRolloutComputeActivities({ stores, runJob, now }),
    ...createMonitoringComputeActivities({ stores, runJob, now }),
    ...createServedFeatureActivities({ stores, runJob, now, sha256Hex }),
  };
}
