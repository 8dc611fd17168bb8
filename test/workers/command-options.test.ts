import { describe, expect, it } from 'vitest';
import { TrainerSpec } from '../../domain/trainer.js';
import { commandOptions } from '../../workflows/activity-options.js';

const HOUR_MS = 3_600_000;

describe('a command that may take long', () => {
  it('gets the time of its limit for each attempt, and for three of them', () => {
    expect(commandOptions('production', 30 * HOUR_MS)).toMatchObject({
      startToCloseTimeout: 30 * HOUR_MS + 600_000,
      scheduleToCloseTimeout: 90 * HOUR_MS + 1_800_000,
      heartbeatTimeout: '20s',
    });
    expect(commandOptions('production', HOUR_MS).scheduleToCloseTimeout).toBe(24 * HOUR_MS);
    expect(commandOptions('production', undefined).startToCloseTimeout).toBe('2 hours');
  });

  it('is refused a limit beyond thirty days', () => {
    const spec = (wall: string) => TrainerSpec.safeParse({ kind: 'command', command: 'mine', limits: { wall } });
    expect(spec('30d').success).toBe(true);
    expect(spec('31d').error?.issues[0]?.message).toBe('an attempt takes 30 days at most');
  });
});
