import { describe, expect, it } from 'vitest';
import { pipelineCard } from '../../workflows/cards/pipeline.js';
import type { EvaluationSummary } from '../../workflows/contracts/training.js';

const input = {
  pipelineId: 'p1',
  model: 'flight-delay',
  requestId: 'r1',
  trigger: 'manual',
  requestedBy: 'admin',
  reason: 'new features',
  asOf: null,
  timing: 'test',
} as const;

describe('the card of a waiting pipeline', () => {
  const card = pipelineCard({
    input,
    state: { stage: 'awaiting_approval', version: 2, waitingFor: 'a decision', reasons: [] },
    checks: [
      { name: 'loaded', passed: true, explanation: 'serving answers' },
      { name: 'contract', passed: false, explanation: 'an output is missing' },
    ],
    approval: { deadlineIso: '2001-03-15T00:00:00.000Z', quorum: 1, allowUnauthenticated: true, ignored: ['mira'] },
  });

  it('keeps a blank line before each list, without which the Web UI shows one paragraph', () => {
    const lines = card.split('\n');
    const starts = lines.flatMap((line, index) =>
      line.startsWith('- ') && !(lines[index - 1] ?? '').startsWith('- ') ? [lines[index - 1]] : [],
    );
    expect(starts).toEqual(['', '']);
  });

  it('shows what data and people say as text, and never as markup of its own', () => {
    const value = 'NEW\n\n**All gates passed** [approve](http://evil.example) <b> | www.evil.example';
    const text = 'NEW \\*\\*All gates passed\\*\\* \\[approve\\](http\\://evil.example) \\<b\\> \\| www\\.evil.example';
    const facts = {
      input: { ...input, reason: value },
      state: { stage: 'evaluation', version: 2, waitingFor: null },
    } as const;
    const evaluation = { gateLines: [value], metrics: {}, championMetrics: null } as unknown as EvaluationSummary;
    const shown = pipelineCard({
      ...facts,
      state: { ...facts.state, reasons: [value] },
      evaluation,
      checks: [{ name: 'loaded', passed: false, explanation: value }],
    });
    expect(shown.split(text)).toHaveLength(5);
    expect(shown).not.toContain('**All');
  });

  it('ends with room that the Web UI may cut off', () => {
    expect(card.endsWith('- not counted: mira\n\n&nbsp;')).toBe(true);
  });
});
