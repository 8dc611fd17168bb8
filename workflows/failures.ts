/** Reading failures of activities and children: by catalogue code, never by class (they were serialised on the way). */
import { ActivityFailure, ApplicationFailure, ChildWorkflowFailure, isCancellation } from '@temporalio/workflow';

export interface FailureFacts {
  /** Catalogue code where the cause is one of our errors. */
  readonly code: string;
  readonly message: string;
}

/** The cause behind the wrappers that Temporal puts around it. */
export function failureFacts(error: unknown): FailureFacts {
  let cause: unknown = error;
  while ((cause instanceof ActivityFailure || cause instanceof ChildWorkflowFailure) && cause.cause !== undefined)
    cause = cause.cause;
  if (cause instanceof ApplicationFailure) return { code: cause.type ?? 'PRN_INTERNAL', message: cause.message };
  if (cause instanceof Error) return { code: cause.name, message: cause.message };
  return { code: 'PRN_INTERNAL', message: String(cause) };
}

export function failedWith(error: unknown, code: string): boolean {
  return failureFacts(error).code === code;
}

export { isCancellation };
