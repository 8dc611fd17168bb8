import { describe, expect, it } from 'vitest';
import { isLegalStageChange, Stage } from '../../domain/registry.js';

describe('isLegalStageChange', () => {
  it('lets a version reach production only from staging by rollout, or from the archive by restore', () => {
    const ways = Stage.options.flatMap((from) =>
      (['rollout', 'restore', 'other'] as const)
        .filter((reason) => isLegalStageChange(from, 'production', reason))
        .map((reason) => `${from} by ${reason}`),
    );
    expect(ways).toEqual(['staging by rollout', 'archived by restore']);
  });

  it('never leaves the archive in any other way', () => {
    expect(Stage.options.filter((to) => isLegalStageChange('archived', to, 'other'))).toEqual([]);
  });
});
