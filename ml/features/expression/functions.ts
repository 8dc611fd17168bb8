/** The functions of the expression language: how many arguments each takes, of which types, and what it gives. */
import type { ExpressionType } from './ast.js';

/**
 * `exact`: the same bits on every back-end and machine, if its operands are. `bounded`: within a few units in the last
 * place, because mathematical libraries differ. `discontinuous`: exact, but a hair's breadth in an operand becomes a
 * different answer, so that its operands must be exact. `quantized`: exact whatever its first operand is.
 */
export type OperationClass = 'exact' | 'bounded' | 'discontinuous' | 'quantized';

export interface FunctionSignature {
  /** Types by position; the last one repeats while `variadic`. */
  readonly parameters: readonly ExpressionType[];
  readonly variadic: boolean;
  readonly result: ExpressionType;
  readonly operationClass: OperationClass;
  readonly usage: string;
}

type Parameters = FunctionSignature['parameters'];

function takes(
  usage: string,
  parameters: Parameters,
  gives: readonly [ExpressionType, OperationClass],
): FunctionSignature {
  const [result, operationClass] = gives;
  return { parameters, variadic: false, result, operationClass, usage };
}

const EXACT = ['number', 'exact'] as const;
const ROUNDING = ['number', 'discontinuous'] as const;
const BOUNDED = ['number', 'bounded'] as const;
const CONDITION = ['boolean', 'discontinuous'] as const;

export const FUNCTIONS: Readonly<Record<string, FunctionSignature>> = {
  abs: takes('abs(x)', ['number'], EXACT),
  floor: takes('floor(x)', ['number'], ROUNDING),
  ceil: takes('ceil(x)', ['number'], ROUNDING),
  round: takes('round(x)', ['number'], ROUNDING),
  sqrt: takes('sqrt(x)', ['number'], EXACT),
  min: takes('min(a, b)', ['number', 'number'], EXACT),
  max: takes('max(a, b)', ['number', 'number'], EXACT),
  clip: takes('clip(x, low, high)', ['number', 'number', 'number'], EXACT),
  coalesce: takes('coalesce(x, instead)', ['number', 'number'], EXACT),
  is_null: takes('is_null(x)', ['number'], CONDITION),
  if: takes('if(condition, then, otherwise)', ['boolean', 'number', 'number'], EXACT),
  in: { ...takes("in(text, 'a', 'b', …)", ['text', 'text'], CONDITION), variadic: true },
  hour_of: takes('hour_of(time)', ['timestamp'], EXACT),
  minute_of: takes('minute_of(time)', ['timestamp'], EXACT),
  weekday_of: takes('weekday_of(time)', ['timestamp'], EXACT),
  log: takes('log(x)', ['number'], BOUNDED),
  exp: takes('exp(x)', ['number'], BOUNDED),
  pow: takes('pow(x, y)', ['number', 'number'], BOUNDED),
  quantize: takes('quantize(x, step)', ['number', 'number'], ['number', 'quantized']),
};
