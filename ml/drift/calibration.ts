/** Calibration over windows: is the mean prediction off, by the spread that the windows themselves show? */
import tCdf from '@stdlib/stats-base-dists-t-cdf';

export interface CalibrationWindow {
  readonly rows: number;
  readonly sumPrediction: number;
  readonly sumOutcome: number;
}

export interface CalibrationTest {
  /** Mean prediction minus mean outcome over all rows. */
  readonly gap: number;
  /** Student's t of the window gaps against zero; null with fewer than two windows or no spread. */
  readonly statistic: number | null;
  readonly degreesOfFreedom: number;
  /** Two-sided. */
  readonly pValue: number | null;
  readonly rows: number;
}

/** Windows without rows are left out. */
export function calibrationOverWindows(windows: readonly CalibrationWindow[]): CalibrationTest {
  const filled = windows.filter(({ rows }) => rows > 0);
  const rows = filled.reduce((sum, window) => sum + window.rows, 0);
  const difference = filled.reduce((sum, window) => sum + window.sumPrediction - window.sumOutcome, 0);
  const gap = rows === 0 ? Number.NaN : difference / rows;
  const gaps = filled.map((window) => (window.sumPrediction - window.sumOutcome) / window.rows);
  const k = gaps.length;
  if (k < 2) return { gap, statistic: null, degreesOfFreedom: 0, pValue: null, rows };
  const mean = gaps.reduce((sum, value) => sum + value, 0) / k;
  const variance = gaps.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (k - 1);
  if (variance === 0) return { gap, statistic: null, degreesOfFreedom: k - 1, pValue: null, rows };
  const statistic = mean / Math.sqrt(variance / k);
  return { gap, statistic, degreesOfFreedom: k - 1, pValue: 2 * tCdf(-Math.abs(statistic), k - 1), rows };
}
