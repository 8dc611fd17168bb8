/** What the pool and a compute thread say to each other. Everything survives a structured clone. */
import type { JobProgress } from '../../activities/jobs/context.js';
import { DomainError, type ErrorCode, isDomainError, isErrorCode } from '../../domain/errors.js';

/** A failed job as it crosses the thread: the class is lost on the way, the code and its details are not. */
export interface JobFailure {
  /** Null for an error that is not in the catalogue: a defect. */
  readonly code: ErrorCode | null;
  readonly details: Readonly<Record<string, unknown>>;
  readonly message: string;
  readonly stack: string;
}

export type ToThread =
  | {
      readonly type: 'start';
      readonly jobId: number;
      readonly name: string;
      readonly input: unknown;
      /** Checkpoint that an earlier attempt reported; undefined at the first one. */
      readonly resumeFrom: unknown;
    }
  | { readonly type: 'cancel'; readonly jobId: number };

export type FromThread =
  | { readonly type: 'progress'; readonly jobId: number; readonly progress: JobProgress }
  | { readonly type: 'result'; readonly jobId: number; readonly result: unknown }
  | { readonly type: 'error'; readonly jobId: number; readonly failure: JobFailure };

/** What a thread needs to open its own engines: plain data, read from the environment by the composition root only. */
export interface ComputeEnvironment {
  /** Root folder of the file artefact store. */
  readonly artifactFolder: string;
  /** Where the table engine may spill. */
  readonly spillFolder: string;
  /** Further folders that queries may read, such as those that hold sources. */
  readonly readableFolders: readonly string[];
  /** Memory of one thread's table engine, megabytes. */
  readonly tableMemoryMb: number;
  readonly tableThreads: number;
  /** Threads that one training may use, its own among them. */
  readonly boostingThreads: number;
  /** The installation's own server and database, for sources that are collections; without it there are none. */
  readonly mongodb?: { readonly uri: string; readonly database: string };
}

/** Prepares an error for the way to another thread. Details that cannot be cloned travel as text. */
export function toJobFailure(error: unknown): JobFailure {
  const message = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  if (!isDomainError(error)) return { code: null, details: {}, message, stack };
  const details = Object.fromEntries(
    Object.entries(error.details).map(([key, value]) => [key, isPlain(value) ? value : String(value)]),
  );
  return { code: error.code, details, message, stack };
}

/** The error a failed job is rejected with: the same catalogue code again, or a plain error that keeps the thread's stack. */
export function fromJobFailure(failure: JobFailure): Error {
  if (failure.code !== null && isErrorCode(failure.code)) return new DomainError(failure.code, failure.details);
  const error = new Error(failure.message);
  error.stack = failure.stack;
  return error;
}

function isPlain(value: unknown): boolean {
  if (value === null || ['string', 'number', 'boolean', 'undefined'].includes(typeof value)) return true;
  return Array.isArray(value) && value.every(isPlain);
}
