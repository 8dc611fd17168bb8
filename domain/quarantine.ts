/** Quarantine cases: rows that expectations refused, what people may decide about them, and what each decision changes. */
import { z } from 'zod';
import { Role } from './access.js';
import { ArtifactRef } from './artifact.js';
import { Duration } from './duration.js';
import { Name } from './names.js';

/** Who decides about the quarantined rows of a dataset, and how often they are reminded. */
export const QuarantinePolicy = z.strictObject({
  remindEvery: Duration.default('1d'),
  /** An undecided case becomes severity `page` after this time. It never expires. */
  escalateAfter: Duration.default('7d'),
  roles: z
    .array(Role.exclude(['viewer']))
    .min(1)
    .default(['approver', 'operator', 'admin']),
  /** Count signals that carry no proof of who sent them. Only for demos and single-person installations. */
  allowUnauthenticated: z.boolean().default(false),
});
export type QuarantinePolicy = z.infer<typeof QuarantinePolicy>;

/** `applying` while a counted decision is carried out; `superseded` when the version of the rows was replaced as a whole. */
export const QuarantineState = z.enum(['open', 'applying', 'released', 'discarded', 'superseded']);
export type QuarantineState = z.infer<typeof QuarantineState>;

/** `release` judges rows again without some rules, `fix` ingests corrected rows in their place. */
export const QuarantineAction = z.enum(['release', 'discard', 'fix']);
export type QuarantineAction = z.infer<typeof QuarantineAction>;

/** A version of the dataset that brought rows of a case. */
export const QuarantineRelease = z.strictObject({
  decisionId: z.string(),
  commitSeq: z.number().int(),
  versionId: z.string(),
  segmentId: z.string(),
  rows: z.number().int(),
});
export type QuarantineRelease = z.infer<typeof QuarantineRelease>;

export const QuarantineCase = z.strictObject({
  caseId: z.string(),
  dataset: Name,
  segmentId: z.string(),
  /** The commit whose source held the rows. */
  commitSeq: z.number().int(),
  sourceUri: z.string(),
  rows: z.number().int(),
  /** Rules that the rows failed, those of the schema included. */
  rules: z.array(z.string()),
  /** All rows as they came: `source_row`, `source_file`, `file_row`, `raw` (JSON text), `failed_rules`. */
  table: ArtifactRef,
  /** Rows that nobody has decided about yet, in a table of the same shape. */
  remaining: z.number().int(),
  remainingTable: ArtifactRef.nullable(),
  released: z.number().int(),
  fixed: z.number().int(),
  discarded: z.number().int(),
  releases: z.array(QuarantineRelease),
  state: QuarantineState,
  applying: z.string().nullable(),
  /** Why the last counted decision changed nothing. */
  problem: z.string().nullable(),
  policy: QuarantinePolicy,
  severity: z.enum(['warning', 'page']),
  reminders: z.number().int(),
  remindedTs: z.number().int().nullable(),
  escalatedTs: z.number().int().nullable(),
  openedTs: z.number().int(),
  closedTs: z.number().int().nullable(),
});
export type QuarantineCase = z.infer<typeof QuarantineCase>;

/** The one message body of `decideQuarantine`. */
export const QuarantineDecisionMessage = z.strictObject({
  decisionId: z.string().min(1).max(100),
  action: QuarantineAction,
  reason: z.string().max(2_000).default(''),
  /** `release`: the rules to leave out, all declared ones by default. `discard`: only rows that fail no others. */
  rules: z.array(z.string().min(1).max(200)).min(1).max(50).optional(),
  /** Numbers of rows in their source; all that remain by default. */
  rows: z.array(z.number().int().positive()).min(1).max(1_000).optional(),
  /** Id of the upload with the corrected rows. */
  upload: z.string().min(1).max(100).optional(),
  /** Who decides, as they say themselves; proven only by a token or by the API. */
  actor: z.string().min(1).max(100).optional(),
  /** One-time token bound to a person and this case. */
  token: z.string().min(16).max(200).optional(),
});
export type QuarantineDecisionMessage = z.infer<typeof QuarantineDecisionMessage>;

/** What a decision left undecided: computed before it takes effect. */
export const QuarantineSplit = z.strictObject({
  selected: z.number().int(),
  remaining: z.number().int(),
  remainingTable: ArtifactRef.nullable(),
});
export type QuarantineSplit = z.infer<typeof QuarantineSplit>;

export const QuarantineDecision = z.strictObject({
  decisionId: z.string(),
  caseId: z.string(),
  action: QuarantineAction,
  reason: z.string(),
  rules: z.array(z.string()).nullable(),
  rows: z.array(z.number().int()).nullable(),
  upload: z.string().nullable(),
  actor: z.string(),
  role: Role.nullable(),
  channel: z.enum(['api', 'signal']),
  authenticated: z.boolean(),
  at: z.number().int(),
  verdict: z.enum(['pending', 'ignored', 'applied', 'failed']),
  /** Why it was ignored or failed. */
  because: z.string().nullable(),
  split: QuarantineSplit.nullable(),
});
export type QuarantineDecision = z.infer<typeof QuarantineDecision>;

export function isOpenCase({ state }: Pick<QuarantineCase, 'state'>): boolean {
  return state === 'open' || state === 'applying';
}

export function mayDecide({ roles }: QuarantinePolicy, role: Role | null): boolean {
  return roles.some((each) => each === role);
}

/** Why a decision does not count, or null when it does. Order of the checks is the order a person would ask. */
export function whyUncounted(standing: QuarantineCase, decision: QuarantineDecision): string | null {
  const { policy } = standing;
  if (!isOpenCase(standing)) return `the case is ${standing.state} already`;
  if (!decision.authenticated && !policy.allowUnauthenticated)
    return 'its sender is not proven and the dataset does not allow that';
  if (decision.authenticated && !mayDecide(policy, decision.role))
    return `it needs one of the roles ${policy.roles.join(', ')}`;
  return whyUnusable(standing, decision);
}

/** What is wrong with a decision itself, whoever took it; null when nothing is. */
export function whyUnusable(
  { rules: failed }: Pick<QuarantineCase, 'rules'>,
  decision: Pick<QuarantineDecisionMessage, 'action' | 'reason'> & {
    readonly rules?: readonly string[] | null | undefined;
    readonly upload?: string | null | undefined;
  },
): string | null {
  const { action, reason, rules, upload } = decision;
  const unknown = rules?.find((rule) => !failed.includes(rule));
  if (action === 'discard' && reason.trim().length < 3) return 'discarding rows needs a reason';
  if (unknown !== undefined) return `no row failed the rule ${unknown}; the rules are ${failed.join(', ')}`;
  if (action === 'fix' && rules != null) return 'a fix takes rows, not rules';
  if ((action === 'fix') !== (upload != null))
    return 'a fix needs the upload with the corrected rows, nothing else does';
  return null;
}
