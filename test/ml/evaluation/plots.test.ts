import { describe, expect, it } from 'vitest';
import { detailsOf } from '../../../ml/evaluation/curves.js';
import { drawPlots } from '../../../ml/evaluation/plots.js';

const importance = [{ input: 'a<b>&"c"', drop: 0.2 }];
const labels = Float32Array.of(0, 1, 0, 1, 1, 0, 1, 0);

describe('details and plots', () => {
  it('of a binary model are its curves, calibration and confusion', () => {
    const probabilities = Float32Array.of(0.1, 0.9, 0.4, 0.8, 0.4, 0.2, 0.7, 0.6);
    const details = {
      ...detailsOf({ predictions: { task: 'binary', probabilities }, labels, threshold: 0.5 }),
      importance,
    };
    expect(details.roc[0]).toEqual({ x: 0, y: 0 });
    expect(details.roc.at(-1)).toEqual({ x: 1, y: 1 });
    // Above 0.5: three of four positives, one of four negatives.
    expect(details.roc).toContainEqual({ x: 0.25, y: 0.75 });
    expect(details.precisionRecall).toContainEqual({ x: 0.75, y: 0.75 });
    expect(details.confusion.map(({ rows }) => rows)).toEqual([3, 1, 1, 3]);
    expect(details.calibration.reduce((sum, { rows }) => sum + rows, 0)).toBe(8);
    expect(Object.keys(drawPlots(details))).toEqual([
      'roc',
      'precision-recall',
      'calibration',
      'confusion',
      'importance',
    ]);
  });

  it('of a regression are its residuals; of many classes, what was taken for what', () => {
    const values = labels.map((label) => label + 0.5);
    const regression = detailsOf({ predictions: { task: 'regression', values }, labels, threshold: 0.5 });
    expect(regression.residuals[0]).toEqual({ x: 0.5, y: 0.5 });
    expect(Object.keys(drawPlots({ ...regression, importance: [] }))).toEqual(['residuals']);
    const probabilities = new Float32Array(16).fill(0.5);
    const multiclass = detailsOf({
      predictions: { task: 'multiclass', classes: ['x', 'y'], probabilities },
      labels,
      threshold: 0.5,
    });
    expect(multiclass.confusion).toEqual([
      { label: 'x', decided: 'x', rows: 4 },
      { label: 'y', decided: 'x', rows: 4 },
    ]);
    expect(Object.keys(drawPlots({ ...multiclass, importance: [] }))).toEqual(['confusion']);
  });

  it('escape the names of others, hold no script, and are the same bytes for the same data', () => {
    const details = {
      ...detailsOf({ predictions: { task: 'regression', values: labels }, labels, threshold: 0.5 }),
      importance,
    };
    const plots = drawPlots(details);
    expect(plots.importance).toContain('a&lt;b&gt;&amp;&quot;c&quot;');
    expect(plots.importance).not.toContain('NaN');
    expect(Object.values(plots).join('')).not.toMatch(/<script|NaN|Infinity/);
    expect(drawPlots(details)).toEqual(plots);
  });
});
