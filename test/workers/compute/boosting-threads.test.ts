import { afterAll, describe, expect, it } from 'vitest';
import { GbdtParameters } from '../../../domain/gbdt-parameters.js';
import type { ShardTeams } from '../../../ml/training/gbdt/team.js';
import { trainGradientBoosting } from '../../../ml/training/gbdt/trainer.js';
import { boostingThreads } from '../../../workers/compute/boosting-threads.js';
import { madeRows } from '../../ml/training/made-rows.js';

const entry = new URL('./boosting-thread.mjs', import.meta.url);

describe('boosting in threads', () => {
  const rows = madeRows({ task: 'multiclass', rows: 24_000, seed: 8, outputs: 3 });
  const parameters = GbdtParameters.parse({ trees: 4, rowSampling: 0.8 });
  const grow = (teams?: ShardTeams) => trainGradientBoosting({ ...rows, parameters, seed: 1, ...(teams && { teams }) });
  const alone = grow();

  afterAll(() => expect(alone.trees).toHaveLength(12));

  it.each([1, 2, 3])('gives the trees that one thread gives: %i', (threads) => {
    expect(grow(boostingThreads({ threads, entry }))).toEqual(alone);
  });

  it('ends the training where a thread is lost', () => {
    const missing = new URL('./no-such-thread.mjs', import.meta.url);
    expect(() => grow(boostingThreads({ threads: 2, entry: missing, lostAfterMs: 200 }))).toThrow(
      expect.objectContaining({ code: 'PRN_COMPUTE_INTERRUPTED' }),
    );
  });
});
