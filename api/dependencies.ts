/** What the application and every route are given by the composition root. */
import type { Stores } from '../store/contracts/index.js';
import type { WorkflowGateway } from './workflow-gateway.js';

export interface ApiDependencies {
  readonly stores: Stores;
  readonly workflows: WorkflowGateway;
  /** Wall time in microseconds. */
  readonly now: () => number;
  readonly isDatabaseReachable: () => Promise<boolean>;
  readonly onInternalError: (error: unknown, requestId: string) => void;
  readonly onRequest: (facts: {
    method: string;
    path: string;
    status: number;
    milliseconds: number;
    requestId: string;
  }) => void;
}
