/** Calls to Temporal end in time, and their failures are the catalogue's: an absent server answers 503, not never. */
import {
  type Client,
  ServiceError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { DomainError } from '../domain/errors.js';

const DEADLINE_MS = 5_000;

/** Throws `PRN_WORKFLOW_NOT_FOUND`, `PRN_REQUEST_INVALID` (an update refused the message) or `PRN_UNAVAILABLE`. */
export async function callTemporal<T>(client: Client, work: () => Promise<T>): Promise<T> {
  try {
    return await client.withDeadline(Date.now() + DEADLINE_MS, work);
  } catch (error) {
    throw mapTemporalError(error);
  }
}

function mapTemporalError(error: unknown): unknown {
  if (error instanceof WorkflowNotFoundError)
    return new DomainError('PRN_WORKFLOW_NOT_FOUND', { workflowId: error.workflowId, hint: '' }, { cause: error });
  if (error instanceof WorkflowUpdateFailedError) {
    const problem = error.cause?.message ?? error.message;
    return new DomainError('PRN_REQUEST_INVALID', { what: 'message', problem }, { cause: error });
  }
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) {
    const reason = `no worker took the message within ${DEADLINE_MS / 1_000} s`;
    return new DomainError('PRN_UNAVAILABLE', { what: 'The worker', reason }, { cause: error });
  }
  if (error instanceof ServiceError) {
    const reason = error.cause?.message ?? error.message;
    return new DomainError('PRN_UNAVAILABLE', { what: 'Temporal', reason }, { cause: error });
  }
  return error;
}
