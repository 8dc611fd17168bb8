import { describe, expect, it } from 'vitest';
import { innerPart, innerSplit, innerSplitText } from '../../domain/inner-split.js';
import { reasonOf, reportOn, type SearchPlan, type Trial, verdictOn, withOutcomes } from '../../domain/search.js';
import { SplitSpec } from '../../domain/split.js';
import { MICROS_PER_DAY as DAY } from '../../domain/time.js';

const LABEL = { expression: 'delay > 15', availableAfter: '12h' };

const settled = (...losses: (number | null)[]) => losses.map((loss, index) => ({ index, loss }));

describe('the verdict on the trials so far', () => {
  it.each([
    [settled(0.5, 0.4, 0.45, 0.41), 3, null],
    [settled(0.5, 0.4, 0.45, 0.41, 0.4), 3, 'patience'],
    // Trial 0 counts as the best until another is better.
    [settled(0.5, 0.6, 0.7), 2, 'patience'],
    [settled(0.5, null, null), 2, 'patience'],
    [settled(0.5, 0.6, 0.7), null, null],
    [settled(null, null), 1, null],
    [settled(null, null, null), null, 'hopeless'],
    [settled(null, null, 0.4), null, null],
  ])('of %j with patience %s is %s', (trials, patience, verdict) => {
    expect(verdictOn(trials, patience)).toBe(verdict);
  });
});

describe('why a trial is chosen', () => {
  const plan = {
    metric: 'log_loss',
    trials: 20,
    validatedOn: 'the last 14d of the training rows',
    validation: { rows: 5_600 },
  } as SearchPlan;
  const trial = (index: number, loss: number | null): Trial => ({
    index,
    parameters: {},
    loss,
    state: loss === null ? 'failed' : 'finished',
  });

  it('is one sentence', () => {
    const trials = [trial(0, 0.5273), trial(1, 0.53), trial(2, 0.5231), trial(3, 0.5231)];
    expect(reasonOf({ trials, ended: 'all_trials' }, plan)).toBe(
      'trial 2 of 20, log loss 0.5231 on inner validation (the last 14d of the training rows, 5600 rows), ' +
        '0.0042 better than the declared parameters',
    );
  });

  it('says when nothing was better, what failed, and what ended the search', () => {
    const trials = [trial(0, 0.5), trial(1, 0.6), trial(2, null), { ...trial(3, null), state: 'open' as const }];
    expect(reasonOf({ trials, ended: 'time_budget' }, plan)).toBe(
      'the declared parameters, log loss 0.5000 on inner validation (the last 14d of the training rows, 5600 rows), ' +
        'which no trial of 20 was better than; ended by the time budget after 2 trials; 1 failed',
    );
    expect(reasonOf({ trials: [trial(0, null), trial(1, 0.6)], ended: 'patience' }, plan)).toContain(
      'while the declared parameters failed; ended after 1 trials without a better one lately; 1 failed',
    );
  });
});

describe('the report on trials', () => {
  it('is refused where none could be judged, with the reason of the first', () => {
    const failed = (index: number): Trial => ({
      index,
      parameters: {},
      state: 'failed',
      loss: null,
      failure: `no rows, try ${index}`,
    });
    const about = { plan: { model: 'late' } as SearchPlan, ref: {} as SearchPlan['fit']['data'] };
    expect(() => reportOn([failed(0), failed(1)], { ...about, ended: 'all_trials' })).toThrow(
      'No trial of the search of model late could be judged, the declared parameters included: no rows, try 0',
    );
  });
});

describe('the log of trials', () => {
  it('takes outcomes in once they are known, and leaves out those of other trials', () => {
    const open = (index: number): Trial => ({ index, parameters: { depth: index }, state: 'open', loss: null });
    const outcomes = [
      { index: 1, loss: null, failure: 'diverged' },
      { index: 0, loss: 0.4 },
      { index: 9, loss: 0.1 },
    ];
    expect(withOutcomes([open(0), open(1), open(2)], outcomes)).toEqual([
      { index: 0, parameters: { depth: 0 }, state: 'finished', loss: 0.4 },
      { index: 1, parameters: { depth: 1 }, state: 'failed', loss: null, failure: 'diverged' },
      { index: 2, parameters: { depth: 2 }, state: 'open', loss: null },
    ]);
  });
});

describe('the rows put aside', () => {
  const time = { split: SplitSpec.parse({ purge: '1d', holdout: '14d' }), label: LABEL };

  it('are the last ones, with the purge of the outer split before them', () => {
    const split = innerSplit({ ...time, validation: { last: '7d' } }, { trainTo: 40 * DAY }, []);
    expect(split).toEqual({ by: 'time', fitTo: 32 * DAY, validationFrom: 33 * DAY });
    const part = (day: number) => innerPart(split, { eventTs: day * DAY, draw: 0 });
    expect([31.9, 32, 32.9, 33, 39.9].map(part)).toEqual(['fit', null, null, 'validation', 'validation']);
  });

  it('are purged as long as labels take, whatever is declared', () => {
    const split = { ...SplitSpec.parse({ purge: '0s', holdout: '14d' }) };
    const label = { ...LABEL, availableAfter: '3d' };
    expect(innerSplit({ split, label, validation: { last: '7d' } }, { trainTo: 40 * DAY }, [])).toMatchObject({
      fitTo: 30 * DAY,
      validationFrom: 33 * DAY,
    });
  });

  it('are a share of the rows, all of those of one moment on one side', () => {
    const eventTs = [0, 1, 2, 3, 3, 3, 3, 3, 8, 9].map((day) => day * DAY);
    const split = innerSplit({ ...time, validation: { share: 0.4 } }, { trainTo: 10 * DAY }, eventTs);
    expect(split).toEqual({ by: 'time', fitTo: 2 * DAY, validationFrom: 3 * DAY });
  });

  it('are whole groups or keys where the outer split is by those', () => {
    const grouped = { split: SplitSpec.parse({ group: 'carrier', holdout: 0.2 }), label: LABEL };
    const split = innerSplit({ ...grouped, validation: { share: 0.25 } }, { trainTo: DAY }, []);
    expect(split).toEqual({ by: 'group', share: 0.25 });
    expect([0, 0.249, 0.25, 0.9].map((draw) => innerPart(split, { eventTs: 0, draw }))).toEqual([
      'validation',
      'validation',
      'fit',
      'fit',
    ]);
    expect(innerSplitText({ ...grouped, validation: { share: 0.25 } })).toBe('25 % of the groups by carrier');
  });
});
