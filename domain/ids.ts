/** Every id that two parties must agree on is made here: workflow ids, and short ids over a natural key. */
import { canonicalJson } from './canonical-json.js';

/** Hex SHA-256 of a text. Passed in, because this layer is pure and the workflow sandbox has no crypto module. */
export type Sha256Hex = (text: string) => string;

/** 20 hex digits over a natural key: free of slashes, the same for the same key. */
export function naturalKeyId(sha256Hex: Sha256Hex, key: readonly unknown[]): string {
  return sha256Hex(canonicalJson(key)).slice(0, 20);
}

export const workflowIds = {
  ingestDataset: (ingestionId: string): string => `ingest/${ingestionId}`,
  /** Of the runs that a schedule starts: each gets the time it was due behind it. */
  scheduledIngestion: (dataset: string): string => `ingest/scheduled-${dataset}`,
  quarantineCase: (caseId: string): string => `quarantine/${caseId}`,
  materializeFeatures: (view: string, materializationId: string): string => `materialize/${view}/${materializationId}`,
  historicalRetrieval: (retrievalId: string): string => `retrieve/${retrievalId}`,
  modelLifecycle: (model: string): string => `lifecycle/${model}`,
  trainingPipeline: (pipelineId: string): string => `pipeline/${pipelineId}`,
  rollout: (rolloutId: string): string => `rollout/${rolloutId}`,
  driftWatch: (endpoint: string): string => `drift-watch/${endpoint}`,
} as const;

export const scheduleIds = {
  ingestDataset: (dataset: string): string => `ingest/${dataset}`,
} as const;

export const TASK_QUEUES = { orchestration: 'orchestration', io: 'io', compute: 'compute' } as const;
export type TaskQueue = keyof typeof TASK_QUEUES;

/** Served by Python workers, which no TypeScript process hosts. */
export const TRAIN_PYTHON_QUEUE = 'train-python';
