/** Retraining requests and the pure rule that says when one may start. */
import { z } from 'zod';
import { durationMicros } from './duration.js';
import type { RetrainingSpec } from './model.js';
import { MICROS_PER_DAY } from './time.js';

/** Names a state of the code and documents, such as a commit. */
export const CodeRevision = z
  .string()
  .regex(
    /^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$/,
    'expected a revision such as a commit: at most 64 letters, digits, . _ -',
  );
export type CodeRevision = z.infer<typeof CodeRevision>;

export const RetrainingRequest = z.strictObject({
  /** Deduplicates: for an alert made of endpoint, monitor, window end and revision. */
  requestId: z.string().min(1).max(100),
  reason: z.string().min(1).max(1000),
  source: z.enum(['manual', 'alert', 'code']),
  /** Of a request that a change of the code made. */
  codeRevision: CodeRevision.optional(),
  requestedBy: z.string().min(1).max(100),
  /** Earliest moment on the endpoint's clock, microseconds; null starts as soon as the rules allow. */
  notBefore: z.number().int().nullable(),
  /** Moment of knowledge to train at, microseconds; null is the moment of the start. */
  asOf: z.number().int().nullable(),
  evidence: z.record(z.string(), z.unknown()).default({}),
});
export type RetrainingRequest = z.infer<typeof RetrainingRequest>;

export type Admission =
  | { readonly admitted: true }
  | {
      readonly admitted: false;
      readonly because: 'not_yet' | 'cooldown' | 'budget' | 'paused';
      readonly until: number | null;
    };

/**
 * May this request start now? People, and changes of the code that somebody waits for, are not held by cooldown or budget; alerts are. `now` and the start times are on
 * the endpoint's clock; `until` says when asking again makes sense, null when only an event can change the answer.
 */
export function admitRequest(input: {
  readonly request: RetrainingRequest;
  readonly policy: RetrainingSpec;
  readonly startedAt: readonly number[];
  readonly now: number;
  readonly paused: boolean;
}): Admission {
  const { request, policy, startedAt, now, paused } = input;
  if (paused) return { admitted: false, because: 'paused', until: null };
  if (request.notBefore !== null && now < request.notBefore)
    return { admitted: false, because: 'not_yet', until: request.notBefore };
  if (request.source !== 'alert') return { admitted: true };
  const last = startedAt.at(-1);
  const cooldownEnd = last === undefined ? null : last + durationMicros(policy.cooldown);
  if (cooldownEnd !== null && now < cooldownEnd) return { admitted: false, because: 'cooldown', until: cooldownEnd };
  const month = startedAt.filter((start) => start > now - 30 * MICROS_PER_DAY);
  const oldest = month[0];
  if (month.length >= policy.maxPerMonth && oldest !== undefined) {
    return { admitted: false, because: 'budget', until: oldest + 30 * MICROS_PER_DAY };
  }
  return { admitted: true };
}

/**
 * Id of the request of a code revision: the same revision is one request, whoever asks how often. A further attempt, from 2,
 * is one of its own.
 */
export function codeRequestId(revision: CodeRevision, attempt = 1): string {
  return attempt === 1 ? `code-${revision}` : `code-${revision}-${attempt}`;
}
