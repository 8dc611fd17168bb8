import { describe, expect, it } from 'vitest';
import { isDomainError } from '../../domain/errors.js';
import { ModelSpec } from '../../domain/model.js';
import { checkSearch } from '../../domain/search-checks.js';

function specOf(search: object, changes: { trainer?: object; split?: object; task?: string } = {}): ModelSpec {
  return ModelSpec.parse({
    task: changes.task ?? 'binary',
    endpoint: 'late',
    spine: { dataset: 'flights', keys: [], eventTime: 'ts' },
    label: { expression: 'delay > 15', availableAfter: '12h' },
    features: [{ request: 'distance' }],
    split: changes.split ?? { holdout: '14d' },
    trainer: { kind: 'gbdt', parameters: { trees: 50 }, ...changes.trainer, search: { trials: 10, ...search } },
  });
}

function problemOf(spec: ModelSpec): string {
  try {
    checkSearch('late', spec);
    return 'accepted';
  } catch (error) {
    return isDomainError(error) ? `${error.code}: ${error.message}` : String(error);
  }
}

describe('a declared search', () => {
  it.each([
    { over: { depth: [4, 6, 8] } },
    { over: { learningRate: { min: 0.01, max: 0.3, scale: 'log' }, trees: { min: 20, max: 200, type: 'int' } } },
    { method: 'grid', over: { depth: { min: 3, max: 7, type: 'int' }, l2: [0, 1] } },
    { method: 'grid', over: { learningRate: { min: 0.01, max: 0.3, scale: 'log', steps: 5 }, depth: [4, 6] } },
    { over: { depth: [4] }, validation: { last: '14d' }, patience: 3, timeBudget: '1h', metric: 'brier' },
  ])('may be %j', (search) => {
    expect(problemOf(specOf(search))).toBe('accepted');
  });

  it.each([
    [{ over: {} }, 'there is nothing to search over. Name parameters in `over`'],
    [{ over: { deepth: [4] } }, 'trainer gbdt has no parameter deepth (did you mean "depth"?)'],
    [{ over: { l2: { min: 3, max: 1 } } }, 'l2 goes from 3 to 1. `min` must not be above `max`'],
    [
      { over: { l2: { min: 0, max: 1, scale: 'log' } } },
      'l2 has scale log and begins at 0. A log scale needs `min` above 0',
    ],
    [{ over: { depth: { min: 2.5, max: 8, type: 'int' } } }, 'depth is of type int and goes from 2.5 to 8'],
    [{ over: { depth: { min: 2, max: 8 } } }, 'depth cannot be 3.9'],
    [{ over: { learningRate: [0.1, 2] } }, 'learningRate cannot be 2. Training parameter learningRate must be'],
    [{ method: 'grid', over: { depth: [2, 3, 4, 5], l2: [0, 1, 2] } }, 'the grid has 12 combinations and 10 trials'],
    [{ method: 'grid', over: { l2: { min: 0, max: 1 } } }, 'a grid cannot take all numbers of l2. Give `steps`'],
    [{ over: { depth: { min: 2, max: 4, type: 'int', steps: 5 } } }, 'depth has 3 whole numbers, fewer than 5 steps'],
    [{ over: { depth: [4] }, metric: 'rmse' }, 'a binary model has no rmse'],
  ])('is refused as %j', (search, problem) => {
    const message = problemOf(specOf(search));
    expect(message).toContain(`PRN_SEARCH_INVALID: The search of model late cannot be run: ${problem}`);
  });

  it('puts whole groups aside where the split is by group, and never a stretch of time', () => {
    const split = { group: 'carrier', holdout: 0.2 };
    expect(problemOf(specOf({ over: { depth: [4] }, validation: { share: 0.3 } }, { split }))).toBe('accepted');
    expect(problemOf(specOf({ over: { depth: [4] }, validation: { last: '7d' } }, { split }))).toContain(
      '`validation.last` belongs to a split by time',
    );
  });

  it('has as many trials as the history of a pipeline bears', () => {
    expect(() => specOf({ over: { depth: [4] }, trials: 501 })).toThrow(/trials/);
    expect(() => specOf({ over: { depth: [] } })).toThrow(/depth/);
  });
});
