import { describe, expect, it } from 'vitest';
import { compareRuns } from '../../domain/run-comparison.js';
import { requireWriter } from '../../domain/run-writer.js';
import {
  inventRunName,
  isLater,
  pointIdentity,
  readMetricValue,
  type Run,
  showMetricValue,
} from '../../domain/tracking.js';

describe('the latest point of a metric', () => {
  const point = (step: number, timestampMs: number, value: number) => ({ step, timestampMs, value });

  it('is that of the greatest step, then time, then value, and any value beats NaN', () => {
    expect(isLater(point(2, 1, 0), point(1, 9, 9))).toBe(true);
    expect(isLater(point(1, 9, 0), point(1, 1, 9))).toBe(true);
    expect(isLater(point(1, 1, 2), point(1, 1, 1))).toBe(true);
    expect(isLater(point(1, 1, -Infinity), point(1, 1, Number.NaN))).toBe(true);
    expect(isLater(point(1, 1, Number.NaN), point(1, 1, 0))).toBe(false);
    expect(isLater(point(1, 1, 1), point(1, 1, 1))).toBe(false);
  });

  it('is one point if all its parts are equal, NaN included', () => {
    const nan = { key: 'a', ...point(1, 1, Number.NaN) };
    expect(pointIdentity(nan)).toBe(pointIdentity({ ...nan }));
    expect(pointIdentity({ ...nan, value: 0 })).toBe(pointIdentity({ ...nan, value: -0 }));
    expect(pointIdentity({ ...nan, key: 'b' })).not.toBe(pointIdentity(nan));
  });
});

it('numbers that JSON has no sign for travel as words', () => {
  const numbers = [1.5, Number.NaN, Infinity, -Infinity];
  expect(numbers.map(showMetricValue)).toEqual([1.5, 'NaN', 'Infinity', '-Infinity']);
  expect(numbers.map(showMetricValue).map(readMetricValue)).toEqual(numbers);
});

it('a run without a name gets one that its id decides', () => {
  expect(inventRunName('0'.repeat(32))).toBe('amber-aspen-0');
  expect(inventRunName('f'.repeat(32))).toBe('sunny-willow-215');
});

describe('a run that is held', () => {
  const run = { runId: 'r', status: 'RUNNING', lifecycle: 'active' } as const;
  const writer = { owner: 'pipeline/p', actor: null, epoch: 3, untilTs: 1 };

  it('is written by its holder alone, also when he is late', () => {
    expect(() => requireWriter({ ...run, writer }, 3)).not.toThrow();
    expect(() => requireWriter({ ...run, writer }, 2)).toThrow('is held by pipeline/p (epoch 3)');
    expect(() => requireWriter({ ...run, writer }, null)).toThrow('came with epoch none');
    expect(() => requireWriter({ ...run, writer: null }, 3)).toThrow('is held by nobody: it was closed or given back');
    expect(() => requireWriter({ ...run, writer: null }, null)).not.toThrow();
  });

  it('is written by nobody once it is deleted', () => {
    expect(() => requireWriter({ ...run, lifecycle: 'deleted', writer }, 3)).toThrow('is deleted; restore it');
  });
});

it('runs side by side show what each has and where they differ', () => {
  const run = (runId: string, depth: string, rmse?: number): Run => ({
    runId,
    experimentId: '1',
    name: runId,
    userId: 'mira',
    status: 'FINISHED',
    cause: null,
    lifecycle: 'active',
    artifactUri: `mlflow-artifacts:/1/${runId}/artifacts`,
    startTs: 1,
    endTs: 2,
    writer: null,
    metricSeq: 1,
    rev: 1,
    metrics: rmse === undefined ? [] : [{ key: 'rmse', value: rmse, step: 0, timestampMs: 1 }],
    params: [
      { key: 'depth', value: depth },
      { key: 'seed', value: '1' },
    ],
    tags: [],
    inputs: [],
  });
  const { runs, params, metrics } = compareRuns([run('a', '4', Number.NaN), run('b', '6'), run('c', '4', 2)]);
  expect(runs.map(({ runId }) => runId)).toEqual(['a', 'b', 'c']);
  expect(params).toEqual([
    { key: 'depth', values: ['4', '6', '4'], differs: true },
    { key: 'seed', values: ['1', '1', '1'], differs: false },
  ]);
  expect(metrics).toEqual([{ key: 'rmse', values: ['NaN', null, 2], differs: true }]);
});
