/**
 * The columns a linear model is fitted on, made row by row: an intercept, standardised numbers with the mean for what is
 * missing, an indicator where a feature is ever missing, and an indicator for each category but the most frequent one.
 */
import { frequentValues } from '../frequent-values.js';
import { weightOf } from '../labels.js';
import { columnOf } from '../matrix.js';

export interface DesignRows {
  /** Row-major rows × columns; numbers that are not finite count as missing. */
  readonly matrix: Float32Array;
  readonly rows: number;
  readonly columns: number;
  readonly categorical?: readonly number[];
  readonly weights?: Float32Array;
}

export type DesignColumn =
  | { readonly part: 'intercept'; readonly feature: -1 }
  | { readonly part: 'value'; readonly feature: number; readonly mean: number; readonly deviation: number }
  | { readonly part: 'missing'; readonly feature: number }
  | { readonly part: 'category'; readonly feature: number; readonly code: number };

/** Mean and standard deviation of the known values of a feature, weighted; 0 where there are none. */
interface Moments {
  readonly mean: number;
  readonly deviation: number;
  readonly missing: boolean;
  readonly known: boolean;
}

export class Design {
  readonly columns: readonly DesignColumn[];
  /** What stands for a missing value, by feature. */
  readonly means: Float64Array;
  readonly #data: DesignRows;

  constructor(data: DesignRows, maxCategories: number) {
    this.#data = data;
    this.means = new Float64Array(data.columns);
    const categorical = new Set(data.categorical ?? []);
    const columns: DesignColumn[] = [{ part: 'intercept', feature: -1 }];
    for (let feature = 0; feature < data.columns; feature += 1) {
      const { mean, deviation, missing, known } = momentsOf(data, feature);
      if (!known) continue;
      if (categorical.has(feature)) {
        for (const code of codesOf(data, feature, maxCategories)) columns.push({ part: 'category', feature, code });
      } else {
        this.means[feature] = mean;
        if (deviation > 0) columns.push({ part: 'value', feature, mean, deviation });
      }
      if (missing) columns.push({ part: 'missing', feature });
    }
    this.columns = columns;
  }

  get width(): number {
    return this.columns.length;
  }

  /** Writes the columns of a row. */
  fill(row: number, into: Float64Array): void {
    const { matrix, columns: features } = this.#data;
    const { columns } = this;
    for (let index = 0; index < columns.length; index += 1) {
      const column = columns[index] as DesignColumn;
      const value = column.feature < 0 ? 1 : (matrix[row * features + column.feature] as number);
      into[index] = valueOf(column, value);
    }
  }
}

function valueOf(column: DesignColumn, value: number): number {
  switch (column.part) {
    case 'intercept':
      return 1;
    case 'value':
      return Number.isFinite(value) ? (value - column.mean) / column.deviation : 0;
    case 'missing':
      return Number.isFinite(value) ? 0 : 1;
    case 'category':
      return value === column.code ? 1 : 0;
  }
}

/** Two passes, so that large means do not swallow small deviations. */
function momentsOf(data: DesignRows, feature: number): Moments {
  const { matrix, rows, columns } = data;
  const valueAt = (row: number): number => matrix[row * columns + feature] as number;
  let [sum, total, missing] = [0, 0, false];
  for (let row = 0; row < rows; row += 1) {
    const value = valueAt(row);
    if (!Number.isFinite(value)) missing = true;
    else {
      sum += weightOf(data, row) * value;
      total += weightOf(data, row);
    }
  }
  if (total === 0) return { mean: 0, deviation: 0, missing, known: false };
  const mean = sum / total;
  let squares = 0;
  for (let row = 0; row < rows; row += 1) {
    const value = valueAt(row);
    if (Number.isFinite(value)) squares += weightOf(data, row) * (value - mean) ** 2;
  }
  const deviation = Math.sqrt(squares / total);
  // What rounding leaves of a constant is not a deviation.
  return { mean, deviation: deviation > Math.abs(mean) * 1e-12 ? deviation : 0, missing, known: true };
}

/** The most frequent codes but the very first, which is the reference; ascending. */
function codesOf({ matrix, rows, columns }: DesignRows, feature: number, maxCategories: number): number[] {
  const finite = (): Float32Array =>
    columnOf({ matrix, rows, columns }, feature).map((code) => (Number.isFinite(code) ? code : Number.NaN));
  const [reference] = frequentValues(finite(), 1);
  return [...frequentValues(finite(), maxCategories + 1)].filter((code) => code !== reference);
}
