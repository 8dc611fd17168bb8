import { describe, expect, it } from 'vitest';
import {
  type QuarantineCase,
  type QuarantineDecision,
  QuarantinePolicy,
  whyUncounted,
  whyUnusable,
} from '../../domain/quarantine.js';
import { changeCase, type QuarantineTransition } from '../../domain/quarantine-transitions.js';
import { keptDecision } from '../support/quarantine-decision.js';

const TABLE = { uri: `artifact://sha256/${'a'.repeat(64)}`, sha256: 'a'.repeat(64), bytes: 1, mediaType: 'x' };
const REST = { uri: `artifact://sha256/${'b'.repeat(64)}`, sha256: 'b'.repeat(64), bytes: 1, mediaType: 'x' };

const OPEN: QuarantineCase = {
  caseId: 'c1',
  dataset: 'flights',
  segmentId: 's1',
  commitSeq: 3,
  sourceUri: '/data/flights.csv',
  rows: 10,
  rules: ['plausible', 'delay-is-float'],
  table: TABLE,
  remaining: 10,
  remainingTable: TABLE,
  released: 0,
  fixed: 0,
  discarded: 0,
  releases: [],
  state: 'open',
  applying: null,
  problem: null,
  policy: QuarantinePolicy.parse({}),
  severity: 'warning',
  reminders: 0,
  remindedTs: null,
  escalatedTs: null,
  openedTs: 1,
  closedTs: null,
};
const RELEASE = { decisionId: 'd1', commitSeq: 4, versionId: 'v4', segmentId: 's4', rows: 6 };

const after = (start: QuarantineCase, ...transitions: QuarantineTransition[]): QuarantineCase | null =>
  transitions.reduce<QuarantineCase | null>((about, each) => about && changeCase(about, each), start);
const begin = (decisionId: string): QuarantineTransition => ({ kind: 'begin', decisionId, at: 2 });
const settle = (action: 'release' | 'fix' | 'discard', remaining: number): QuarantineTransition => ({
  kind: 'settle',
  decisionId: 'd1',
  action,
  split: { selected: OPEN.remaining - remaining, remaining, remainingTable: remaining === 0 ? null : REST },
  release: action === 'discard' ? null : RELEASE,
  at: 5,
});

describe('a quarantine case', () => {
  it('stays open while rows are undecided, and is closed by the last one', () => {
    expect(after(OPEN, begin('d1'), settle('release', 4))).toEqual({
      ...OPEN,
      remaining: 4,
      remainingTable: REST,
      released: 6,
      releases: [RELEASE],
    });
    const some = after(OPEN, begin('d1'), settle('release', 4), begin('d1'), settle('discard', 0));
    expect(some).toMatchObject({ state: 'released', released: 6, discarded: 4, remaining: 0, closedTs: 5 });
    const none = after(OPEN, begin('d1'), settle('discard', 0));
    expect(none).toMatchObject({ state: 'discarded', discarded: 10, remainingTable: null, releases: [] });
    expect(after(OPEN, begin('d1'), settle('fix', 0))).toMatchObject({ state: 'released', fixed: 10, released: 0 });
  });

  it('carries out one decision at a time, each once', () => {
    expect(after(OPEN, begin('d1'))).toMatchObject({ state: 'applying', applying: 'd1' });
    expect(after(OPEN, begin('d1'), begin('d2'))).toBeNull();
    expect(after(OPEN, settle('release', 4))).toBeNull();
    expect(after(OPEN, begin('d1'), settle('release', 4), settle('release', 4))).toBeNull();
    const failed = after(OPEN, begin('d1'), { kind: 'fail', decisionId: 'd1', problem: 'refused', at: 3 });
    expect(failed).toEqual({ ...OPEN, problem: 'refused' });
    expect(after(OPEN, { kind: 'fail', decisionId: 'd1', problem: 'refused', at: 3 })).toBeNull();
    expect(failed && after(failed, begin('d2'))).toMatchObject({ applying: 'd2', problem: null });
  });

  it('counts each reminder once, escalates once, and never ends by waiting', () => {
    const remind = (reminder: number): QuarantineTransition => ({ kind: 'remind', reminder, at: 7 });
    expect(after(OPEN, remind(1))).toEqual({ ...OPEN, reminders: 1, remindedTs: 7 });
    expect(after(OPEN, remind(1), remind(1))).toBeNull();
    expect(after(OPEN, remind(2))).toBeNull();
    const escalated = after(OPEN, { kind: 'escalate', at: 8 });
    expect(escalated).toEqual({ ...OPEN, severity: 'page', escalatedTs: 8 });
    expect(escalated && changeCase(escalated, { kind: 'escalate', at: 9 })).toBeNull();
  });

  it('is over once its rows are replaced, in the middle of a decision too', () => {
    const over = after(OPEN, begin('d1'), { kind: 'supersede', at: 9 });
    expect(over).toMatchObject({ state: 'superseded', applying: null, closedTs: 9, remaining: 10 });
    for (const next of [begin('d2'), settle('release', 4), { kind: 'escalate', at: 9 } as const])
      expect(over && changeCase(over, next)).toBeNull();
  });
});

describe('a decision about quarantined rows', () => {
  const bare = { authenticated: false, role: null, channel: 'signal' } as const;
  const trusting = { ...OPEN, policy: QuarantinePolicy.parse({ allowUnauthenticated: true }) };

  it.each([
    [null, OPEN, {}],
    ['it needs one of the roles approver, operator, admin', OPEN, { role: 'contributor' }],
    ['its sender is not proven and the dataset does not allow that', OPEN, bare],
    [null, trusting, bare],
    ['the case is discarded already', { ...OPEN, state: 'discarded' }, {}],
    ['discarding rows needs a reason', OPEN, { action: 'discard', reason: ' x ' }],
    [null, OPEN, { action: 'discard', reason: 'a test flight' }],
    [
      'no row failed the rule plausable; the rules are plausible, delay-is-float',
      OPEN,
      { rules: ['plausible', 'plausable'] },
    ],
    ['a fix needs the upload with the corrected rows, nothing else does', OPEN, { action: 'fix' }],
    ['a fix needs the upload with the corrected rows, nothing else does', OPEN, { upload: 'u1' }],
    ['a fix takes rows, not rules', OPEN, { action: 'fix', upload: 'u1', rules: ['plausible'] }],
    [null, OPEN, { action: 'fix', upload: 'u1', rows: [1] }],
  ] as const)('does not count because %s', (because, standing, changes) => {
    expect(whyUncounted(standing, keptDecision(changes as Partial<QuarantineDecision>))).toBe(because);
  });

  it('is judged by itself as it comes over the wire', () => {
    expect(whyUnusable(OPEN, { action: 'release', reason: '' })).toBeNull();
    expect(whyUnusable(OPEN, { action: 'fix', reason: '' })).not.toBeNull();
  });
});
