/** Types and classes of expressions: every column and function exists, every operand fits. */
import type { ColumnType } from '../../../domain/dataset.js';
import { didYouMean } from '../../../domain/names.js';
import type { Expression, ExpressionType } from './ast.js';
import { type Exactness, exactnessOf } from './exactness.js';
import { FUNCTIONS } from './functions.js';
import { expressionError, parseExpression } from './parse.js';

/** Columns by name, with the types datasets declare. */
export type ColumnTypes = Readonly<Record<string, ColumnType>>;

const TYPE_OF_COLUMN: Readonly<Record<ColumnType, ExpressionType>> = {
  float: 'number',
  integer: 'number',
  string: 'text',
  boolean: 'boolean',
  timestamp: 'timestamp',
};

export interface CheckedExpression {
  readonly text: string;
  readonly tree: Expression;
  readonly type: ExpressionType;
  readonly exactness: Exactness;
}

/** Parses and checks in one go; throws `PRN_EXPRESSION_INVALID` with position, expectation and the nearest known name. */
export function checkExpression(text: string, columns: ColumnTypes): CheckedExpression {
  const tree = parseExpression(text);
  const type = typeOf(tree, { text, columns });
  return { text, tree, type, exactness: exactnessOf(tree, text) };
}

interface Scope {
  readonly text: string;
  readonly columns: ColumnTypes;
}

export function typeOf(node: Expression, scope: Scope): ExpressionType {
  switch (node.kind) {
    case 'number':
      return 'number';
    case 'text':
      return 'text';
    case 'boolean':
      return 'boolean';
    case 'column':
      return columnType(node, scope);
    case 'unary':
      return expectType(node.operand, node.operator === '-' ? 'number' : 'boolean', scope);
    case 'binary':
      return binaryType(node, scope);
    case 'call':
      return callType(node, scope);
  }
}

function columnType(node: Extract<Expression, { kind: 'column' }>, { text, columns }: Scope): ExpressionType {
  const type = Object.hasOwn(columns, node.name) ? columns[node.name] : undefined;
  if (type === undefined) {
    const known = Object.keys(columns);
    throw expressionError(
      text,
      node.position,
      `no column ${node.name}${didYouMean(node.name, known)}; there are ${known.join(', ')}`,
    );
  }
  return TYPE_OF_COLUMN[type];
}

function binaryType(node: Extract<Expression, { kind: 'binary' }>, scope: Scope): ExpressionType {
  const { operator, left, right } = node;
  if (operator === 'and' || operator === 'or') {
    expectType(left, 'boolean', scope);
    return expectType(right, 'boolean', scope);
  }
  if (operator === '+' || operator === '-' || operator === '*' || operator === '/') {
    expectType(left, 'number', scope);
    return expectType(right, 'number', scope);
  }
  const type = typeOf(left, scope);
  if (type === 'timestamp')
    throw expressionError(scope.text, node.position, 'times cannot be compared; use hour_of, minute_of or weekday_of');
  if (type === 'text' && operator !== '==' && operator !== '!=')
    throw expressionError(scope.text, node.position, 'texts can only be compared with == and !=');
  if (type === 'text' && left.kind !== 'text' && right.kind !== 'text') {
    throw expressionError(scope.text, node.position, 'a text column can only be compared with a text in quotes');
  }
  expectType(right, type, scope);
  return 'boolean';
}

function callType(node: Extract<Expression, { kind: 'call' }>, scope: Scope): ExpressionType {
  const known = Object.hasOwn(FUNCTIONS, node.name) ? FUNCTIONS[node.name] : undefined;
  if (known === undefined) {
    throw expressionError(
      scope.text,
      node.position,
      `no function ${node.name}${didYouMean(node.name, Object.keys(FUNCTIONS))}`,
    );
  }
  const { parameters, variadic, usage, result } = known;
  const fits = variadic ? node.args.length >= parameters.length : node.args.length === parameters.length;
  if (!fits)
    throw expressionError(scope.text, node.position, `${node.name} takes ${parameters.length} arguments: ${usage}`);
  for (const [index, argument] of node.args.entries()) {
    expectType(argument, parameters[Math.min(index, parameters.length - 1)] ?? 'number', scope);
    if (node.name === 'in' && index > 0 && argument.kind !== 'text')
      throw expressionError(scope.text, argument.position, 'in takes texts in quotes');
    if (node.name === 'quantize' && index === 1) requireStep(argument, scope);
  }
  return result;
}

/** A grid must not depend on the row, nor vanish in float32. */
function requireStep(step: Expression, scope: Scope): void {
  if (step.kind === 'number' && Math.fround(step.value) > 0 && Number.isFinite(Math.fround(step.value))) return;
  throw expressionError(scope.text, step.position, 'the step of quantize must be a number above 0, such as 0.001');
}

/** Booleans count as 1 and 0 where a number is wanted. */
function expectType(node: Expression, wanted: ExpressionType, scope: Scope): ExpressionType {
  const type = typeOf(node, scope);
  if (type === wanted || (wanted === 'number' && type === 'boolean')) return wanted;
  throw expressionError(scope.text, node.position, `expected a ${wanted} here, got a ${type}`);
}
