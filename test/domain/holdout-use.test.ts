import { describe, expect, it } from 'vitest';
import { holdoutOverlap } from '../../domain/holdout-use.js';

describe('the overlap of holdouts', () => {
  const fourteenDays = (last: number) => ({ from: last - 14, to: last });
  const used = (last: number, attempts: string[], promotedAttempt: string | null = null) => ({
    span: fourteenDays(last),
    attempts,
    promotedAttempt,
  });

  it('counts other attempts once each, promotions, and the greatest share of time in common', () => {
    const others = [used(29, ['a', 'b'], 'a'), used(28, ['b', 'own']), used(20, ['c'], 'c')];
    expect(holdoutOverlap({ ...fourteenDays(30), attemptId: 'own' }, others)).toEqual({
      attempts: 3,
      promotions: 2,
      share: 13 / 14,
    });
  });

  it('is none where holdouts only touch, or where the attempt itself made the use', () => {
    const none = { attempts: 0, promotions: 0, share: 0 };
    expect(holdoutOverlap({ ...fourteenDays(30), attemptId: 'own' }, [used(16, ['a'])])).toEqual(none);
    expect(holdoutOverlap({ ...fourteenDays(30), attemptId: 'own' }, [used(29, ['own'], 'own')])).toMatchObject({
      attempts: 0,
      promotions: 0,
    });
  });
});
