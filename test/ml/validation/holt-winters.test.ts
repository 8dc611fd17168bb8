import { describe, expect, it } from 'vitest';
import { forecastNext } from '../../../ml/validation/holt-winters.js';

const SMOOTHING = { period: 4, level: 0.3, trend: 0.1, season: 0.2 };

describe('additive Holt-Winters', () => {
  it('foresees what statsmodels does, with the same error', () => {
    const figures = [
      112, 118, 132, 129, 121, 135, 148, 148, 136, 119, 104, 118, 115, 126, 141, 135, 125, 149, 170, 170.5,
    ];
    // statsmodels 0.15.0: ExponentialSmoothing(figures[4:], trend='add', seasonal='add', seasonal_periods=4,
    // initialization_method='known', initial_level=128.46875, initial_trend=3.8125, initial_seasonal=[-5.03125, -2.84375,
    // 7.34375, 0.53125]).fit(smoothing_level=0.3, smoothing_trend=0.1, smoothing_seasonal=0.2, optimized=False)
    const forecast = forecastNext(figures, SMOOTHING);
    expect(forecast?.next).toBeCloseTo(153.67686486511872, 10);
    expect(forecast?.error).toBeCloseTo(17.640542018646133, 10);
  });

  it('goes on with a line and a season exactly, at whatever place in the season it stands', () => {
    const season = [0, 5, -3, -2];
    const figureAt = (step: number): number => 10 + 2 * step + (season[step % 4] ?? 0);
    for (const length of [8, 9, 10, 11, 40]) {
      const figures = Array.from({ length }, (_figure, step) => figureAt(step));
      const forecast = forecastNext(figures, SMOOTHING);
      expect(forecast?.next).toBeCloseTo(figureAt(length), 9);
      expect(forecast?.error).toBeCloseTo(0, 9);
    }
  });

  it('says nothing before it has seen two periods', () => {
    expect(forecastNext([1, 2, 3, 4, 5, 6, 7], SMOOTHING)).toBeNull();
  });
});
