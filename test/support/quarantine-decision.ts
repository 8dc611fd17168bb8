import type { QuarantineDecision } from '../../domain/quarantine.js';

/** A release of all rows as the API keeps it for an approver, before anybody worked it. */
export function keptDecision(changes: Partial<QuarantineDecision> = {}): QuarantineDecision {
  return {
    decisionId: 'd1',
    caseId: 'c1',
    action: 'release',
    reason: '',
    rules: null,
    rows: null,
    upload: null,
    actor: 'mira',
    role: 'approver',
    channel: 'api',
    authenticated: true,
    at: 5,
    verdict: 'pending',
    because: null,
    split: null,
    ...changes,
  };
}
