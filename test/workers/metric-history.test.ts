import { describe, expect, it } from 'vitest';
import { MetricHistory } from '../../activities/metric-history.js';

describe('metrics that a program reports without end', () => {
  it('are kept evenly spread, with the last', () => {
    const history = new MetricHistory({ points: 4, names: 10 });
    expect(history.points()).toEqual([]);
    const steps: number[][] = [];
    for (let step = 0; step < 10; step += 1) {
      history.add(step, { loss: step });
      steps.push(history.points().map((point) => point['step'] ?? -1));
    }
    expect(steps).toEqual([
      [0],
      [0, 1],
      [0, 1, 2],
      [0, 2, 3],
      [0, 2, 4],
      [0, 2, 4, 5],
      [0, 4, 6],
      [0, 4, 7],
      [0, 4, 8],
      [0, 4, 8, 9],
    ]);
    expect(history.told).toBe(10);
  });

  it('keep the names that came first', () => {
    const history = new MetricHistory({ points: 4, names: 2 });
    history.add(0, { a: 1, b: 2, c: 3 });
    history.add(1, { c: 4, b: 5 });
    expect(history.points()).toEqual([
      { step: 0, a: 1, b: 2 },
      { step: 1, b: 5 },
    ]);
  });
});
