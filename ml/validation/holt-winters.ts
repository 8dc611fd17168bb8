/**
 * Additive Holt-Winters smoothing with given parameters, one step ahead. Formulas: Hyndman and Athanasopoulos, Forecasting:
 * Principles and Practice, 3rd edition, section 8.3. It starts behind the first period: the trend is the difference of the
 * means of the first two periods by step, the level lies on the line of that slope through the middle of the first period,
 * and the seasonal terms are what the first period has beside that line. A line with a season is foreseen exactly.
 */

export interface Smoothing {
  /** Figures in one season, at least 2. */
  readonly period: number;
  /** Weights of the newest figure, 0 to 1. */
  readonly level: number;
  readonly trend: number;
  readonly season: number;
}

export interface Forecast {
  /** Of the figure after the last one. */
  readonly next: number;
  /** Root mean square of the errors of one step, from the second period on. */
  readonly error: number;
}

/** `figures` from the oldest on. Null for fewer than two periods. */
export function forecastNext(figures: readonly number[], smoothing: Smoothing): Forecast | null {
  const { period, level: alpha, trend: beta, season: gamma } = smoothing;
  if (figures.length < 2 * period) return null;
  const first = figures.slice(0, period);
  const middle = meanOf(first);
  let trend = (meanOf(figures.slice(period, 2 * period)) - middle) / period;
  const slope = trend;
  const lineAt = (step: number): number => middle + slope * (step - (period - 1) / 2);
  let level = lineAt(period - 1);
  const seasons = first.map((figure, step) => figure - lineAt(step));
  const later = figures.slice(period);
  let squares = 0;
  for (const [step, figure] of later.entries()) {
    const at = step % period;
    const seasonal = seasons[at] ?? 0;
    const foreseen = level + trend;
    squares += (figure - foreseen - seasonal) ** 2;
    const previous = level;
    level = alpha * (figure - seasonal) + (1 - alpha) * foreseen;
    trend = beta * (level - previous) + (1 - beta) * trend;
    seasons[at] = gamma * (figure - foreseen) + (1 - gamma) * seasonal;
  }
  const next = level + trend + (seasons[later.length % period] ?? 0);
  return { next, error: Math.sqrt(squares / later.length) };
}

function meanOf(figures: readonly number[]): number {
  return figures.reduce((sum, figure) => sum + figure, 0) / figures.length;
}
