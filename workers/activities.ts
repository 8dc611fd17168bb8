/** All activities, grouped by the queue they are served on. */
import { activityInfo, heartbeat } from '@temporalio/activity';
import { hostname } from 'node:os';
import { createDatasetActivities, createDatasetComputeActivities, type SourceSettings } from '../activities/dataset.js';
import type { CommandPort } from '../activities/command-process.js';
import { createExternalTrainingActivities } from '../activities/external-training.js';
import { createExternalTrialActivities } from '../activities/external-trials.js';
import { createFeatureActivities, createFeatureComputeActivities } from '../activities/features.js';
import { createRetrievalActivities, createRetrievalComputeActivities } from '../activities/historical-retrieval.js';
import type { RunJob } from '../activities/jobs/index.js';
import { createLifecycleActivities } from '../activities/lifecycle.js';
import { createMonitoringActivities } from '../activities/monitoring.js';
import { createMonitoringComputeActivities } from '../activities/monitoring-compute.js';
import { trackJobs } from '../activities/pipeline-run-log.js';
import type { ServingPort, WorkflowPort } from '../activities/ports.js';
import { createQuarantineActivities } from '../activities/quarantine.js';
import { createRegistryActivities } from '../activities/registry.js';
import { createRolloutActivities } from '../activities/rollout.js';
import { createRolloutComputeActivities } from '../activities/rollout-compute.js';
import { createTrainingActivities } from '../activities/training.js';
import { createSearchActivities, createSearchComputeActivities } from '../activities/search.js';
import { createServedFeatureActivities } from '../activities/served-features.js';
import { createSkewActivities } from '../activities/skew.js';
import { createTrainingComputeActivities } from '../activities/training-compute.js';
import { sha256Hex } from '../store/contracts/digests.js';
import type { RunEnvironment } from '../domain/pipeline-run.js';
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
  readonly environment: RunEnvironment;
  /** A training run without a sign of life for so long is shown as lost, microseconds. */
  readonly runLostAfterMicros: number;
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
    ...createSearchActivities({ stores, sha256Hex }),
    ...createRegistryActivities({ stores, serving, now, sha256Hex, heartbeat }),
    ...createRolloutActivities({ stores, now, heartbeat }),
    ...createLifecycleActivities({ stores, workflows, now, sha256Hex }),
    ...createMonitoringActivities({ stores, workflows, now }),
  };
}

export function createComputeActivities(dependencies: ActivityDependencies) {
  const { stores, runJob, sources, external, now, environment, runLostAfterMicros: lostAfterMicros } = dependencies;
  const tracking = { stores, now, sha256Hex, environment, describeAttempt, lostAfterMicros };
  return {
    ...createDatasetComputeActivities({ stores, runJob, ...sources }),
    ...createFeatureComputeActivities({ stores, runJob }),
    ...createRetrievalComputeActivities({ stores, runJob, sources }),
    ...createTrainingComputeActivities({ stores, runJob: trackJobs(runJob, tracking) }),
    ...createSearchComputeActivities({ runJob, ...tracking }),
    ...createExternalTrialActivities({ runJob, ...external, ...tracking }),
    ...createExternalTrainingActivities({ stores, runJob: trackJobs(runJob, tracking), ...external, sha256Hex, now }),
    ...createSkewActivities({ stores, runJob }),
    ...createRolloutComputeActivities({ stores, runJob, now }),
    ...createMonitoringComputeActivities({ stores, runJob, now }),
    ...createServedFeatureActivities({ stores, runJob, now, sha256Hex }),
  };
}

/** Which worker runs the activity, and which try of it this is. */
function describeAttempt(): string {
  const { workflowExecution, attempt } = activityInfo();
  return `${workflowExecution?.workflowId ?? 'activity'}, attempt ${attempt}, worker ${process.pid}@${hostname()}`;
}
