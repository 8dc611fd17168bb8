/**
 * Tree → DuckDB SQL, for labels, expectations and aggregates. Identifiers are quoted and texts escaped, so that no
 * resource can smuggle SQL in. Null follows SQL: a comparison with a missing value is null, not false.
 */
import { MICROS_PER_DAY, MICROS_PER_HOUR } from '../../../domain/time.js';
import type { BinaryOperator, Expression } from './ast.js';
import type { CheckedExpression } from './check.js';

const SQL_OPERATORS: Readonly<Record<BinaryOperator, string>> = {
  '+': '+',
  '-': '-',
  '*': '*',
  '/': '/',
  '==': '=',
  '!=': '<>',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
  and: 'and',
  or: 'or',
};

export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** SQL of a checked expression. Times are BIGINT microseconds. */
export function renderSql({ tree }: CheckedExpression): string {
  return render(tree);
}

function render(node: Expression): string {
  switch (node.kind) {
    case 'number':
      return `${node.value}::double`;
    case 'text':
      return quoteText(node.value);
    case 'boolean':
      return String(node.value);
    case 'column':
      return quoteIdentifier(node.name);
    case 'unary':
      return node.operator === '-' ? `(-${number(node.operand)})` : `(not ${render(node.operand)})`;
    case 'binary':
      return renderBinary(node);
    case 'call':
      return renderCall(node);
  }
}

/** Booleans count as 1 and 0 in arithmetic. */
function number(node: Expression): string {
  return `(${render(node)})::double`;
}

function renderBinary({ operator, left, right }: Extract<Expression, { kind: 'binary' }>): string {
  if (operator === '/') return `(${number(left)} / nullif(${number(right)}, 0))`;
  const arithmetic = operator === '+' || operator === '-' || operator === '*';
  const [first, second] = arithmetic ? [number(left), number(right)] : [render(left), render(right)];
  return `(${first} ${SQL_OPERATORS[operator]} ${second})`;
}

/** Remainder that is never negative, so that times before 1970 fall into the right hour. */
function floorMod(value: string, modulus: number): string {
  return `(((${value}) % ${modulus} + ${modulus}) % ${modulus})`;
}

function renderCall({ name, args }: Extract<Expression, { kind: 'call' }>): string {
  const [first = '', second = '', third = ''] = args.map(render);
  switch (name) {
    case 'min':
      return `(case when ${first} is null or ${second} is null then null else least(${first}, ${second}) end)`;
    case 'max':
      return `(case when ${first} is null or ${second} is null then null else greatest(${first}, ${second}) end)`;
    case 'clip':
      return `(case when ${first} is null then null else greatest(${second}, least(${first}, ${third})) end)`;
    case 'is_null':
      return `(${first} is null)`;
    case 'if':
      return `(case when ${first} then ${second} else ${third} end)`;
    case 'in':
      return `(${first} in (${args.slice(1).map(render).join(', ')}))`;
    case 'hour_of':
      return `(${floorMod(first, MICROS_PER_DAY)} // ${MICROS_PER_HOUR})`;
    case 'minute_of':
      return `(${floorMod(first, MICROS_PER_HOUR)} // 60000000)`;
    case 'weekday_of':
      // 1 January 1970 was a Thursday; Monday is 0.
      return `((((${first} - ${floorMod(first, MICROS_PER_DAY)}) // ${MICROS_PER_DAY} + 3) % 7 + 7) % 7)`;
    default:
      return `${name}(${args.map(render).join(', ')})`;
  }
}
