/** How quarantine cases begin and change: pure functions from what happened to the case after it. */
import type { ArtifactRef } from './artifact.js';
import type { Segment } from './dataset.js';
import {
  isOpenCase,
  type QuarantineAction,
  type QuarantineCase,
  type QuarantinePolicy,
  type QuarantineRelease,
  type QuarantineSplit,
} from './quarantine.js';

/** The case of the rows that a committed segment set aside. */
export function openCase(
  segment: Segment,
  table: ArtifactRef,
  about: {
    readonly caseId: string;
    readonly commitSeq: number;
    readonly policy: QuarantinePolicy;
    readonly at: number;
  },
): QuarantineCase {
  const { dataset, segmentId, sourceUri, quarantined: rows, brokenRules: rules } = segment;
  const { caseId, commitSeq, policy, at: openedTs } = about;
  const from = { caseId, dataset, segmentId, commitSeq, sourceUri, rows, rules, table };
  const undecided = { remaining: rows, remainingTable: table, released: 0, fixed: 0, discarded: 0, releases: [] };
  const quiet = { severity: 'warning', reminders: 0, remindedTs: null, escalatedTs: null } as const;
  const state = { state: 'open', applying: null, problem: null, openedTs, closedTs: null } as const;
  return { ...from, ...undecided, ...state, policy, ...quiet };
}

export type QuarantineTransition =
  /** A counted decision is being carried out; others wait. */
  | { readonly kind: 'begin'; readonly decisionId: string; readonly at: number }
  /** It is carried out. `release` names the commit that brought the rows, null for a discard. */
  | {
      readonly kind: 'settle';
      readonly decisionId: string;
      readonly action: QuarantineAction;
      readonly split: QuarantineSplit;
      readonly release: QuarantineRelease | null;
      readonly at: number;
    }
  /** It changed nothing, and the case waits for another. */
  | { readonly kind: 'fail'; readonly decisionId: string; readonly problem: string; readonly at: number }
  /** The number makes a repeat the same reminder. */
  | { readonly kind: 'remind'; readonly reminder: number; readonly at: number }
  | { readonly kind: 'escalate'; readonly at: number }
  | { readonly kind: 'supersede'; readonly at: number };

/** The case after a transition; null where it is not legal (any more), so that repeats change nothing. */
export function changeCase(standing: QuarantineCase, transition: QuarantineTransition): QuarantineCase | null {
  if (!isOpenCase(standing)) return null;
  const { at } = transition;
  switch (transition.kind) {
    case 'begin':
      if (standing.applying !== null) return null;
      return { ...standing, state: 'applying', applying: transition.decisionId, problem: null };
    case 'settle':
      return standing.applying === transition.decisionId ? settle(standing, transition) : null;
    case 'fail':
      if (standing.applying !== transition.decisionId) return null;
      return { ...standing, state: 'open', applying: null, problem: transition.problem };
    case 'remind':
      if (transition.reminder !== standing.reminders + 1) return null;
      return { ...standing, reminders: transition.reminder, remindedTs: at };
    case 'escalate':
      return standing.escalatedTs === null ? { ...standing, severity: 'page', escalatedTs: at } : null;
    case 'supersede':
      return { ...standing, state: 'superseded', applying: null, closedTs: at };
  }
}

const TALLY = { release: 'released', fix: 'fixed', discard: 'discarded' } as const;

/** A case is closed by its last row; it is `discarded` only if no row of it came back. */
function settle(standing: QuarantineCase, done: Extract<QuarantineTransition, { kind: 'settle' }>): QuarantineCase {
  const { split, release, action, at } = done;
  const member = TALLY[action];
  const counts = { [member]: standing[member] + standing.remaining - split.remaining };
  const after = { ...standing, ...split, ...counts, applying: null, problem: null };
  const { selected: _selected, ...next } = after;
  const releases = release === null ? standing.releases : [...standing.releases, release];
  if (split.remaining > 0) return { ...next, releases, state: 'open' };
  const cameBack = next.released + next.fixed > 0;
  return { ...next, releases, state: cameBack ? 'released' : 'discarded', closedTs: at };
}
