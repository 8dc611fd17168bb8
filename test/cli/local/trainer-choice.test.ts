import { describe, expect, it } from 'vitest';
import { chooseTrainer, unknownTrainer } from '../../../cli/local/trainer-choice.js';
import type { TrainerSpec } from '../../../domain/trainer.js';

describe('another trainer by its name', () => {
  const declared: TrainerSpec = { kind: 'gbdt', parameters: { trees: 30 }, seed: 7 };

  it('keeps the parameters of the one that is declared, and the seed of any', () => {
    expect(chooseTrainer(declared, undefined)).toBe(declared);
    expect(chooseTrainer(declared, 'gbdt')).toBe(declared);
    expect(chooseTrainer(declared, 'linear')).toEqual({ kind: 'linear', parameters: {}, seed: 7 });
    const mine: TrainerSpec = { kind: 'python', name: 'lightgbm', parameters: { num_leaves: 7 }, seed: 3 };
    expect(chooseTrainer(mine, 'lightgbm')).toBe(mine);
    expect(chooseTrainer(mine, 'sklearn')).toEqual({ kind: 'python', name: 'sklearn', parameters: {}, seed: 3 });
  });

  it('refuses what can be no name, with those that there are', () => {
    expect(unknownTrainer('mime', ['lightgbm', 'mine']).message).toBe(
      'No trainer is called mime (did you mean "mine"?); there are gbdt, linear, baseline, lightgbm, mine. Register it, or correct the name.',
    );
    expect(() => chooseTrainer(declared, 'GBDT')).toThrow(
      'No trainer is called GBDT (did you mean "gbdt"?); there are gbdt, linear, baseline.',
    );
  });
});
