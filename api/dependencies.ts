/** What the application and every route are given by the composition root. */
import type { Stores } from '../store/contracts/index.js';
import type { QuarantineRows } from '../store/contracts/quarantine.js';
import type { WorkflowGateway } from './workflow-gateway.js';

export interface RequestFacts {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly milliseconds: number;
  readonly requestId: string;
}

/** What hears of requests and of errors that are ours. */
export interface ApiObservers {
  readonly onInternalError: (error: unknown, requestId: string) => void;
  readonly onRequest: (facts: RequestFacts) => void;
}

export interface ApiDependencies extends ApiObservers {
  readonly stores: Stores;
  readonly quarantineRows: QuarantineRows;
  readonly workflows: WorkflowGateway;
  /** Bound of one upload. */
  readonly uploadMaxBytes: number;
  /** Event streams that may be open at the same time. */
  readonly eventStreamLimit: number;
  /** Wall time in microseconds. */
  readonly now: () => number;
  readonly isDatabaseReachable: () => Promise<boolean>;
}
