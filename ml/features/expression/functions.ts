/** The functions of the expression language: how many arguments each takes, of which types, and what it gives. */
import type { ExpressionType } from './ast.js';

export interface FunctionSignature {
  /** Types by position; the last one repeats while `variadic`. */
  readonly parameters: readonly ExpressionType[];
  readonly variadic: boolean;
  readonly result: ExpressionType;
  readonly usage: string;
}

type Parameters = FunctionSignature['parameters'];

function takes(usage: string, parameters: Parameters, result: ExpressionType): FunctionSignature {
  return { parameters, variadic: false, result, usage };
}

export const FUNCTIONS: Readonly<Record<string, FunctionSignature>> = {
  abs: takes('abs(x)', ['number'], 'number'),
  floor: takes('floor(x)', ['number'], 'number'),
  ceil: takes('ceil(x)', ['number'], 'number'),
  sqrt: takes('sqrt(x)', ['number'], 'number'),
  min: takes('min(a, b)', ['number', 'number'], 'number'),
  max: takes('max(a, b)', ['number', 'number'], 'number'),
  clip: takes('clip(x, low, high)', ['number', 'number', 'number'], 'number'),
  coalesce: takes('coalesce(x, instead)', ['number', 'number'], 'number'),
  is_null: takes('is_null(x)', ['number'], 'boolean'),
  if: takes('if(condition, then, otherwise)', ['boolean', 'number', 'number'], 'number'),
  in: { ...takes("in(text, 'a', 'b', …)", ['text', 'text'], 'boolean'), variadic: true },
  hour_of: takes('hour_of(time)', ['timestamp'], 'number'),
  minute_of: takes('minute_of(time)', ['timestamp'], 'number'),
  weekday_of: takes('weekday_of(time)', ['timestamp'], 'number'),
};
