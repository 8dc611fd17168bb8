import { describe, expect, it } from 'vitest';
import { pipelineCard } from '../../workflows/cards/pipeline.js';

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

  it('ends with room that the Web UI may cut off', () => {
    expect(card.endsWith('- not counted: mira\n\n&nbsp;')).toBe(true);
  });
});
