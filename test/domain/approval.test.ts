import { describe, expect, it } from 'vitest';
import { type Approval, type Decision, judgeApproval } from '../../domain/approval.js';
import { ApprovalSpec } from '../../domain/model.js';

const approval = (policy: object = {}): Approval => ({
  approvalId: 'a1',
  model: 'flight-delay',
  version: 2,
  workflowId: 'pipeline/a1',
  bundleDigest: 'b',
  evidenceDigest: 'e',
  policy: ApprovalSpec.parse(policy),
  policyRevision: 1,
  requestedBy: 'rita',
  openedTs: 0,
  deadlineTs: 1,
  outcome: 'pending',
  closedTs: null,
});

const decision = (changes: Partial<Decision> = {}): Decision => ({
  decisionId: 'd1',
  approvalId: 'a1',
  decision: 'approve',
  reason: '',
  version: 2,
  actor: 'ann',
  role: 'approver',
  channel: 'api',
  authenticated: true,
  at: 0,
  ...changes,
});

const unproven = { authenticated: false, role: null, channel: 'signal' } as const;

describe('judgeApproval', () => {
  it('approves with the quorum and names who did', () => {
    const two = approval({ quorum: 2 });
    expect(judgeApproval(two, [decision()]).outcome).toBe('pending');
    const verdict = judgeApproval(two, [decision(), decision({ decisionId: 'd2', actor: 'bob' })]);
    expect(verdict).toEqual({ outcome: 'approved', approvedBy: ['ann', 'bob'], rejectedBy: null, ignored: [] });
  });

  it('counts one person once', () => {
    const verdict = judgeApproval(approval({ quorum: 2 }), [decision(), decision({ decisionId: 'd2' })]);
    expect(verdict.outcome).toBe('pending');
    expect(verdict.ignored).toEqual([{ decisionId: 'd2', because: 'ann has approved already' }]);
  });

  it('is rejected by the first counted rejection', () => {
    const verdict = judgeApproval(approval(), [
      decision({ decision: 'reject', reason: 'leaks the label' }),
      decision({ decisionId: 'd2', actor: 'bob' }),
    ]);
    expect(verdict).toMatchObject({ outcome: 'rejected', rejectedBy: 'ann' });
  });

  it.each([
    ['about another version', { version: 1 }, {}, 'it is about version 1, not 2'],
    ['a rejection without a reason', { decision: 'reject' as const, reason: ' ' }, {}, 'a rejection needs a reason'],
    [
      'from a role without the right',
      { role: 'contributor' as const },
      {},
      'it needs one of the roles approver, admin',
    ],
    [
      'from the requester where that is forbidden',
      { actor: 'rita' },
      { forbid: ['requester'] },
      'the requester may not decide',
    ],
    ['without proof of the sender', unproven, {}, 'its sender is not proven and the policy does not allow that'],
    [
      'without proof, towards a quorum of two',
      unproven,
      { allowUnauthenticated: true, quorum: 2 },
      'its sender is not proven, which never counts towards a quorum above one',
    ],
    [
      'without proof, where duties are separated',
      unproven,
      { allowUnauthenticated: true, forbid: ['requester'] },
      'its sender is not proven, so separation of duties cannot be checked',
    ],
  ])('ignores a decision %s', (...[, changes, policy, because]) => {
    const verdict = judgeApproval(approval(policy), [decision(changes)]);
    expect(verdict.outcome).toBe('pending');
    expect(verdict.ignored).toEqual([{ decisionId: 'd1', because }]);
  });

  it('counts an unproven signal where the policy says so', () => {
    expect(judgeApproval(approval({ allowUnauthenticated: true }), [decision(unproven)]).outcome).toBe('approved');
  });
});
