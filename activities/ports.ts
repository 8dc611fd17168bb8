/** What activities ask of other processes. Composition roots implement these over the Temporal client and HTTP. */
import type { RetrainingRequest } from '../domain/retraining.js';

export interface WorkflowPort {
  /** Starts an ingestion unless one with this id runs or has succeeded. */
  ingestDataset(input: {
    readonly ingestionId: string;
    readonly dataset: string;
    readonly sourceUri: string;
    readonly requestedBy: string;
  }): Promise<void>;
  /** Starts the workflow of a quarantine case unless it runs; one that has ended is not started again. */
  quarantineCase(input: { readonly caseId: string; readonly dataset: string }): Promise<void>;
  /** Brings a view up to now, unless a run with this id goes on or has succeeded. */
  materializeFeatures(input: {
    readonly materializationId: string;
    readonly view: string;
    readonly requestedBy: string;
  }): Promise<void>;
  /** Starts the lifecycle if needed and hands it the request, in one call. */
  requestRetraining(model: string, request: RetrainingRequest): Promise<void>;
  /** Tells a workflow how far event time has come; one that is gone is not an error. */
  observe(workflowId: string, watermark: number): Promise<void>;
  reportBreach(workflowId: string, breach: { alertId: string; monitor: string; explanation: string }): Promise<void>;
  state(workflowId: string): Promise<'running' | 'ended' | 'missing'>;
}

export interface ServedTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
}

export interface SentColumn {
  readonly name: string;
  readonly datatype: string;
  readonly data: readonly (number | string | null)[];
}

export interface ServingPort {
  /** False while the version is still loading. */
  isReady(endpoint: string, version: number): Promise<boolean>;
  metadata(
    endpoint: string,
    version: number,
  ): Promise<{ readonly inputs: readonly ServedTensor[]; readonly outputs: readonly ServedTensor[] }>;
  /** One output, row-major in the order of the rows. Inputs are columns of equal length. */
  infer(
    endpoint: string,
    version: number,
    request: { readonly inputs: readonly SentColumn[]; readonly output: string },
  ): Promise<readonly number[]>;
}

/** Where activities read the time; a function, so that tests decide. Microseconds. */
export type Clock = () => number;
