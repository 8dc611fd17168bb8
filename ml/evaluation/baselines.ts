/** Named baselines: what a model must beat to be worth its trouble. Fitted on training rows only. */

/** Rows that count as one prior observation of the overall rate, so that rare values do not shout. */
const PRIOR_ROWS = 20;

export interface RateTable {
  readonly overall: number;
  readonly rates: ReadonlyMap<number, number>;
}

/** Rate of the outcome by value of one column, drawn towards the overall rate where rows are few. NaN is a value. */
export function fitRateTable(values: Float32Array, labels: ArrayLike<number>): RateTable {
  const sums = new Map<number, { rows: number; positives: number }>();
  let positives = 0;
  for (const [row, value] of values.entries()) {
    const label = labels[row] ?? 0;
    const sum = sums.get(value) ?? { rows: 0, positives: 0 };
    sum.rows += 1;
    sum.positives += label;
    sums.set(value, sum);
    positives += label;
  }
  const overall = values.length === 0 ? 0.5 : positives / values.length;
  const rates = new Map(
    [...sums].map(([value, sum]) => [value, (sum.positives + PRIOR_ROWS * overall) / (sum.rows + PRIOR_ROWS)]),
  );
  return { overall, rates };
}

export function scoreRateTable({ overall, rates }: RateTable, values: Float32Array): Float32Array {
  return values.map((value) => rates.get(value) ?? overall);
}
