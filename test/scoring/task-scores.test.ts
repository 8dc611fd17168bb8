import { describe, expect, it } from 'vitest';
import type { TaskShape } from '../../domain/task.js';
import { commonShape, decisionsOf, inShape } from '../../scoring/task-scores.js';

const classes = (...names: string[]): TaskShape => ({ task: 'multiclass', classes: names });

describe('scores of versions that learnt different classes', () => {
  it('have all classes that any version knows, by code unit', () => {
    expect(commonShape([classes('b', 'c'), classes('B', 'b')])).toEqual(classes('B', 'b', 'c'));
    const own = classes('a', 'b');
    expect(commonShape([own, classes('a', 'b')]).classes).toBe(own.classes);
    expect(commonShape([{ task: 'regression', classes: [] }])).toEqual({ task: 'regression', classes: [] });
  });

  it('give a class that a version does not know probability 0, and leave one out that nobody asks for', () => {
    const scores = Float32Array.of(0.75, 0.25, 0.125, 0.875);
    expect([...inShape(scores, classes('b', 'c'), classes('B', 'b', 'c'))]).toEqual([0, 0.75, 0.25, 0, 0.125, 0.875]);
    expect(inShape(scores, classes('b', 'c'), classes('b', 'c'))).toBe(scores);
    expect([...inShape(scores, classes('b', 'c'), classes('c'))]).toEqual([0.25, 0.875]);
  });
});

describe('decisions', () => {
  it('are 1 from the threshold on, compared in float32', () => {
    const decide = (scores: number[], threshold: number): number[] => [
      ...decisionsOf(Float32Array.from(scores), { task: 'binary', classes: [] }, () => threshold),
    ];
    // 0.1 as float32 is above 0.1 as float64; both sides are float32 here.
    expect(decide([0.1, 0.0999, 0.2], 0.1)).toEqual([1, 0, 1]);
  });

  it('are the likeliest class, the first of equals, and nothing for numbers', () => {
    const shape = classes('a', 'b', 'c');
    expect([...decisionsOf(Float32Array.of(0.2, 0.4, 0.4, 0.6, 0.2, 0.2), shape, () => 1)]).toEqual([1, 0]);
    expect([...decisionsOf(Float32Array.of(7, -1), { task: 'regression', classes: [] }, () => 0)]).toEqual([0, 0]);
  });
});
