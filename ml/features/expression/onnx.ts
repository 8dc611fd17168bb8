/**
 * Tree → ONNX nodes, equal to `evaluate`. Exact operations are one float32 rounding each, the same for any batch size;
 * log, exp and pow run in float64 and are cast once. A comparison with a missing number (NaN) is false. Texts are
 * looked up by LabelEncoder.
 */
import { MICROS_PER_DAY, MICROS_PER_HOUR, MISSING_TIME } from '../../../domain/time.js';
import type { GraphBuilder } from '../../onnx/graph-builder.js';
import type { BinaryOperator, Expression } from './ast.js';
import { type ColumnTypes, typeOf } from './check.js';

export interface CompileScope {
  readonly builder: GraphBuilder;
  readonly text: string;
  readonly columns: ColumnTypes;
}

const ARITHMETIC: Partial<Record<BinaryOperator, string>> = { '+': 'Add', '-': 'Sub', '*': 'Mul', '/': 'Div' };
const COMPARISON: Partial<Record<BinaryOperator, string>> = {
  '==': 'Equal',
  '<': 'Less',
  '<=': 'LessOrEqual',
  '>': 'Greater',
  '>=': 'GreaterOrEqual',
};
const UNARY_FUNCTIONS: Readonly<Record<string, string>> = {
  abs: 'Abs',
  floor: 'Floor',
  ceil: 'Ceil',
  round: 'Round',
  sqrt: 'Sqrt',
};

/** Adds the nodes of an expression; the result is FP32 [N,1], booleans as 1 and 0. */
export function compileNumber(node: Expression, scope: CompileScope): string {
  const { builder } = scope;
  if (typeOf(node, scope) === 'boolean') return builder.cast(compileBoolean(node, scope), 'FLOAT');
  switch (node.kind) {
    case 'number':
      return builder.constant('FLOAT', [node.value]);
    case 'column':
      return scope.columns[node.name] === 'integer' ? builder.cast(node.name, 'FLOAT') : node.name;
    case 'unary':
      return builder.node('Neg', [compileNumber(node.operand, scope)]);
    case 'binary':
      return builder.node(ARITHMETIC[node.operator] ?? 'Add', [
        compileNumber(node.left, scope),
        compileNumber(node.right, scope),
      ]);
    case 'call':
      return compileNumberCall(node, scope);
    case 'text':
    case 'boolean':
      throw new TypeError('a checked expression has no such node here');
  }
}

/** BOOL [N,1]. */
function compileBoolean(node: Expression, scope: CompileScope): string {
  const { builder } = scope;
  switch (node.kind) {
    case 'boolean':
      return builder.cast(builder.constant('FLOAT', [node.value ? 1 : 0]), 'BOOL');
    case 'unary':
      return builder.node('Not', [compileBoolean(node.operand, scope)]);
    case 'binary':
      return compileComparison(node, scope);
    case 'call': {
      const [first] = node.args;
      if (first === undefined) throw new TypeError('a checked call has arguments');
      if (node.name === 'is_null') return builder.node('IsNaN', [compileNumber(first, scope)]);
      const texts = node.args.slice(1).flatMap((argument) => (argument.kind === 'text' ? [argument.value] : []));
      return matchText(first, texts, scope);
    }
    default:
      throw new TypeError('a boolean column is not an input of models yet');
  }
}

function compileComparison(node: Extract<Expression, { kind: 'binary' }>, scope: CompileScope): string {
  const { builder } = scope;
  const { operator, left, right } = node;
  if (operator === 'and' || operator === 'or') {
    return builder.node(operator === 'and' ? 'And' : 'Or', [compileBoolean(left, scope), compileBoolean(right, scope)]);
  }
  if (typeOf(left, scope) === 'text') {
    const [column, text] = left.kind === 'text' ? [right, left] : [left, right];
    const matched = matchText(column, text.kind === 'text' ? [text.value] : [], scope);
    return operator === '==' ? matched : builder.node('Not', [matched]);
  }
  const operands = [compileNumber(left, scope), compileNumber(right, scope)];
  if (operator !== '!=') return builder.node(COMPARISON[operator] ?? 'Equal', operands);
  // Not(Equal) would call two missing values different; a comparison with a missing value is false here.
  const less = builder.node('Less', operands);
  return builder.node('Or', [less, builder.node('Greater', operands)]);
}

function matchText(column: Expression, texts: readonly string[], { builder }: CompileScope): string {
  if (column.kind !== 'column') {
    const matches = column.kind === 'text' && texts.includes(column.value);
    return builder.cast(builder.constant('FLOAT', [matches ? 1 : 0]), 'BOOL');
  }
  const looked = builder.node('LabelEncoder', [column.name], {
    domain: 'ai.onnx.ml',
    attributes: {
      keys_strings: { kind: 'strings', value: texts },
      values_floats: { kind: 'floats', value: texts.map(() => 1) },
      default_float: { kind: 'float', value: 0 },
    },
  });
  return builder.cast(looked, 'BOOL');
}

function compileNumberCall(node: Extract<Expression, { kind: 'call' }>, scope: CompileScope): string {
  const { builder } = scope;
  const [first, second, third] = node.args;
  if (first === undefined) throw new TypeError('a checked call has arguments');
  const argument = (expression: Expression | undefined): string => compileNumber(expression ?? first, scope);
  switch (node.name) {
    case 'min':
      return pick(builder, 'Less', [argument(first), argument(second)]);
    case 'max':
      return pick(builder, 'Greater', [argument(first), argument(second)]);
    case 'clip':
      return pick(builder, 'Greater', [pick(builder, 'Less', [argument(first), argument(third)]), argument(second)]);
    case 'coalesce': {
      const value = argument(first);
      return choose(builder, builder.node('IsNaN', [value]), [argument(second), value]);
    }
    case 'if':
      return choose(builder, compileBoolean(first, scope), [argument(second), argument(third)]);
    case 'quantize':
      return quantize(builder, argument(first), argument(second));
    case 'log':
    case 'exp':
      return inFloat64(builder, node.name === 'log' ? 'Log' : 'Exp', [argument(first)]);
    case 'pow':
      return power(builder, argument(first), argument(second));
    case 'hour_of':
      return timePart(builder, first, { modulus: MICROS_PER_DAY, unit: MICROS_PER_HOUR });
    case 'minute_of':
      return timePart(builder, first, { modulus: MICROS_PER_HOUR, unit: 60_000_000 });
    case 'weekday_of':
      return weekday(builder, first);
    default:
      return builder.node(UNARY_FUNCTIONS[node.name] ?? 'Identity', [argument(first)]);
  }
}

/** The lesser or greater of two numbers; missing when either is, which the operators Min and Max do not promise. */
function pick(builder: GraphBuilder, comparison: 'Less' | 'Greater', [left, right]: readonly [string, string]): string {
  const takesLeft = builder.node('Or', [builder.node(comparison, [left, right]), builder.node('IsNaN', [left])]);
  return choose(builder, takesLeft, [left, right]);
}

/**
 * One of two numbers, never −0: onnxruntime's `Where` keeps the sign of a zero or drops it, by which side it comes from
 * and whether that side is broadcast.
 */
function choose(builder: GraphBuilder, condition: string, sides: readonly [string, string]): string {
  const chosen = builder.node('Where', [condition, ...sides]);
  const zero = builder.constant('FLOAT', [0]);
  return builder.node('Where', [builder.node('Equal', [chosen, zero]), zero, chosen]);
}

/** floor(x / step + 0.5) · step */
function quantize(builder: GraphBuilder, x: string, step: string): string {
  const shifted = builder.node('Add', [builder.node('Div', [x, step]), builder.constant('FLOAT', [0.5])]);
  return builder.node('Mul', [builder.node('Floor', [shifted]), step]);
}

function inFloat64(builder: GraphBuilder, op: 'Log' | 'Exp' | 'Pow', operands: readonly string[]): string {
  return builder.cast(
    builder.node(
      op,
      operands.map((operand) => builder.cast(operand, 'DOUBLE')),
    ),
    'FLOAT',
  );
}

/** Missing where either is: the operator makes 1 of a missing number to the power 0, and of 1 to a missing power. */
function power(builder: GraphBuilder, x: string, y: string): string {
  const missing = builder.node('Or', [builder.node('IsNaN', [x]), builder.node('IsNaN', [y])]);
  const value = inFloat64(builder, 'Pow', [x, y]);
  return builder.node('Where', [missing, builder.constant('FLOAT', [Number.NaN]), value]);
}

function columnName(node: Expression): string {
  if (node.kind !== 'column') throw new TypeError('a time can only be a column');
  return node.name;
}

/** INT64 Mod takes the sign of the divisor, so that times before 1970 come out right. */
function timePart(builder: GraphBuilder, time: Expression, part: { modulus: number; unit: number }): string {
  const rest = builder.node('Mod', [columnName(time), builder.constant('INT64', [part.modulus])]);
  return ifPresent(builder, time, builder.node('Div', [rest, builder.constant('INT64', [part.unit])]));
}

/** Monday is 0; 1 January 1970 was a Thursday. */
function weekday(builder: GraphBuilder, time: Expression): string {
  const day = builder.constant('INT64', [MICROS_PER_DAY]);
  const midnight = builder.node('Sub', [columnName(time), builder.node('Mod', [columnName(time), day])]);
  const shifted = builder.node('Add', [builder.node('Div', [midnight, day]), builder.constant('INT64', [3])]);
  return ifPresent(builder, time, builder.node('Mod', [shifted, builder.constant('INT64', [7])]));
}

/** A part of a missing time is missing. */
function ifPresent(builder: GraphBuilder, time: Expression, part: string): string {
  const missing = builder.node('Equal', [columnName(time), builder.constant('INT64', [MISSING_TIME])]);
  return builder.node('Where', [missing, builder.constant('FLOAT', [Number.NaN]), builder.cast(part, 'FLOAT')]);
}
