/** The one place where errors of activities become Temporal failures: retry or not comes from the catalogue. */
import { ApplicationFailure } from '@temporalio/activity';
import { isDomainError } from '../domain/errors.js';

/** Catalogue errors keep their code as failure type; everything else stays as it is and is retried. */
export function toActivityFailure(error: unknown): unknown {
  if (!isDomainError(error)) return error;
  return ApplicationFailure.create({
    message: error.message,
    type: error.code,
    nonRetryable: !error.retryable,
    details: [error.details],
    cause: error,
  });
}
