/** The functions of the expression language: how many arguments each takes, of which types, and what it gives. */
import type { ExpressionType } from './check.js';

export interface FunctionSignature {
  /** Types by position; the last one repeats while `variadic`. */
  readonly parameters: readonly ExpressionType[];
  readonly variadic: boolean;
  readonly result: ExpressionType;
  readonly usage: string;
}

function signature(
  usage: string,
  parameters: FunctionSignature['parameters'],
  result: FunctionSignature['result'],
  variadic = false,
): FunctionSignature {
  return { parameters, variadic, result, usage };
}

export const FUNCTIONS: Readonly<Record<string, FunctionSignature>> = {
  abs: signature('abs(x)', ['number'], 'number'),
  floor: signature('floor(x)', ['number'], 'number'),
  ceil: signature('ceil(x)', ['number'], 'number'),
  sqrt: signature('sqrt(x)', ['number'], 'number'),
  min: signature('min(a, b)', ['number', 'number'], 'number'),
  max: signature('max(a, b)', ['number', 'number'], 'number'),
  clip: signature('clip(x, low, high)', ['number', 'number', 'number'], 'number'),
  coalesce: signature('coalesce(x, instead)', ['number', 'number'], 'number'),
  is_null: signature('is_null(x)', ['number'], 'boolean'),
  if: signature('if(condition, then, otherwise)', ['boolean', 'number', 'number'], 'number'),
  in: signature("in(text, 'a', 'b', …)", ['text', 'text'], 'boolean', true),
  hour_of: signature('hour_of(time)', ['timestamp'], 'number'),
  minute_of: signature('minute_of(time)', ['timestamp'], 'number'),
  weekday_of: signature('weekday_of(time)', ['timestamp'], 'number'),
};
