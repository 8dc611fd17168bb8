import { describe, expect, it } from 'vitest';
import { SearchSpace, type SearchSpec } from '../../../domain/search-space.js';
import type { TrainerParameters } from '../../../domain/trainer.js';
import { plannedTrials, proposeTrial } from '../../../ml/search/propose.js';
import type { JudgedTrial } from '../../../ml/search/tpe.js';

type Method = SearchSpec['method'];

interface Run {
  readonly method: Method;
  readonly over: SearchSpace;
  readonly seed: number;
  readonly trials: number;
  readonly declared?: TrainerParameters;
  readonly loss: (parameters: TrainerParameters) => number | null;
}

/** All trials in order, each judged before the next one is proposed. */
function search({ method, over, seed, trials, declared = {}, loss }: Run): JudgedTrial[] {
  const done: JudgedTrial[] = [{ parameters: declared, loss: loss(declared) }];
  for (let index = 1; index <= trials; index += 1) {
    const parameters = proposeTrial({ search: { method, over }, seed, index, trials: done });
    done.push({ parameters, loss: loss(parameters) });
  }
  return done;
}

const space = (over: unknown): SearchSpace => SearchSpace.parse(over);
const bestOf = (trials: readonly JudgedTrial[]): number => Math.min(...trials.map(({ loss }) => loss ?? Infinity));
const nothing = (): null => null;

const MIXED = space({
  rate: { min: 0.001, max: 1, scale: 'log' },
  depth: { min: 1, max: 12, type: 'int' },
  leaves: { min: 2, max: 512, type: 'int', scale: 'log' },
  kind: ['a', 'b', 'c', 'd'],
});

/** Least where rate is 0.03, depth 7, leaves 20 and kind c. */
function bowl({ rate = 0.5, depth = 1, leaves = 400, kind = 'a' }: TrainerParameters): number {
  return (
    Math.log10(Number(rate) / 0.03) ** 2 +
    ((Number(depth) - 7) / 4) ** 2 +
    Math.log10(Number(leaves) / 20) ** 2 +
    (kind === 'c' ? 0 : 0.5)
  );
}

describe('what a search proposes', () => {
  it('is the same for the same trials, and another for another seed', () => {
    const run = { method: 'tpe', over: MIXED, trials: 25, loss: bowl } as const;
    const first = search({ ...run, seed: 3 });
    expect(search({ ...run, seed: 3 })).toEqual(first);
    expect(search({ ...run, seed: 4 })).not.toEqual(first);
  });

  it('does not depend on the order in which parameters are declared', () => {
    const turned = Object.fromEntries(Object.entries(MIXED).toReversed());
    const run = { method: 'tpe', trials: 20, seed: 1, loss: bowl } as const;
    expect(search({ ...run, over: turned })).toEqual(search({ ...run, over: MIXED }));
  });

  it.each(['random', 'tpe'] as const)('stays in the space with method %s', (method) => {
    for (const { parameters } of search({ method, over: MIXED, seed: 5, trials: 60, loss: bowl }).slice(1)) {
      const { rate, depth, leaves, kind } = parameters;
      expect(rate).toBeGreaterThanOrEqual(0.001);
      expect(rate).toBeLessThanOrEqual(1);
      expect(Number.isInteger(depth) && Number(depth) >= 1 && Number(depth) <= 12).toBe(true);
      expect(Number.isInteger(leaves) && Number(leaves) >= 2 && Number(leaves) <= 512).toBe(true);
      expect(['a', 'b', 'c', 'd']).toContain(kind);
    }
  });

  it('draws evenly over the scale: half of a log range lies below its geometric mean, each whole number comes as often', () => {
    const over = space({
      rate: { min: 0.0001, max: 1, scale: 'log' },
      depth: { min: 1, max: 4, type: 'int' },
    });
    const drawn = search({ method: 'random', over, seed: 1, trials: 600, loss: nothing }).slice(1);
    const share = (holds: (parameters: TrainerParameters) => boolean): number =>
      drawn.filter(({ parameters }) => holds(parameters)).length / drawn.length;
    expect(share(({ rate }) => Number(rate) < 0.01)).toBeCloseTo(0.5, 1);
    for (const depth of [1, 2, 3, 4]) expect(share((parameters) => parameters['depth'] === depth)).toBeCloseTo(0.25, 1);
  });

  it('goes through a grid with the last parameter fastest, without the declared combination', () => {
    const over = space({ depth: [4, 6], rate: { min: 0.01, max: 1, scale: 'log', steps: 3 } });
    const declared = { depth: 4, rate: 1 };
    const planned = plannedTrials({ method: 'grid', over, trials: 10 }, declared);
    const points = search({ method: 'grid', over, seed: 1, trials: planned, declared, loss: nothing }).slice(1);
    expect(points.map(({ parameters }) => parameters)).toEqual([
      { depth: 4, rate: 0.01 },
      { depth: 4, rate: 0.1 },
      { depth: 6, rate: 0.01 },
      { depth: 6, rate: 0.1 },
      { depth: 6, rate: 1 },
    ]);
  });

  it.each(['random', 'tpe'] as const)('tries no combination of a finite space twice with method %s', (method) => {
    const over = space({ depth: { min: 2, max: 5, type: 'int' }, kind: ['a', 'b', 'c'] });
    const declared = { depth: 3, kind: 'a' };
    const planned = plannedTrials({ method, over, trials: 100 }, declared);
    expect(planned).toBe(11);
    const loss = ({ depth }: TrainerParameters): number => Number(depth);
    const points = search({ method, over, seed: 2, trials: planned, declared, loss });
    expect(new Set(points.map(({ parameters }) => `${parameters['depth']} ${parameters['kind']}`)).size).toBe(12);
  });

  it('plans as many trials as were asked for where the space has no end, or does not hold the declared values', () => {
    expect(plannedTrials({ method: 'tpe', over: MIXED, trials: 40 }, {})).toBe(40);
    const over = space({ depth: [2, 4] });
    expect(plannedTrials({ method: 'tpe', over, trials: 40 }, { depth: 3 })).toBe(2);
    expect(plannedTrials({ method: 'grid', over, trials: 40 }, { depth: 4 })).toBe(1);
  });
});

describe('TPE', () => {
  const SEEDS = Array.from({ length: 20 }, (_unused, seed) => seed + 1);
  const median = (values: readonly number[]): number => values.toSorted((left, right) => left - right)[10] as number;

  it('comes nearer to the least of a known function than random draws with as many trials', () => {
    const best = (method: Method): number[] =>
      SEEDS.map((seed) => bestOf(search({ method, over: MIXED, seed, trials: 60, loss: bowl })));
    const [tpe, random] = [best('tpe'), best('random')];
    expect(median(tpe)).toBeLessThan(median(random) / 2);
    const won = tpe.filter((loss, position) => loss < (random[position] as number)).length;
    expect(won).toBeGreaterThanOrEqual(15);
  });

  it('keeps away from where trials failed', () => {
    const over = space({ rate: { min: 0, max: 1 } });
    const loss = ({ rate = 0.9 }: TrainerParameters): number | null => (Number(rate) > 0.5 ? null : Number(rate));
    const late = search({ method: 'tpe', over, seed: 1, trials: 60, loss }).slice(30);
    expect(late.filter((trial) => trial.loss === null).length).toBeLessThan(late.length / 5);
  });

  it('draws blindly while too few trials have a loss', () => {
    const run = { over: MIXED, seed: 9, trials: 30, loss: nothing };
    expect(search({ ...run, method: 'tpe' })).toEqual(search({ ...run, method: 'random' }));
  });
});
