/**
 * Tree → DuckDB SQL, for labels, expectations and feature views: float64 over columns. Identifiers are quoted and texts
 * escaped, so that no resource can smuggle SQL in. Null follows SQL: a comparison with a missing value is null, not
 * false. What has no value (a root or logarithm of a negative number, a division by zero) is null as well.
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

/** The list of values in the body of {@link bindValues}. */
export const BOUND = '"bound:values"';

export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text as SQL; the engine's parser would end at a NUL, which is therefore put in by number. */
export function quoteText(text: string): string {
  const parts = text.split('\0').map((part) => `'${part.replaceAll("'", "''")}'`);
  return parts.length === 1 ? parts.join('') : `(${parts.join(' || chr(0) || ')})`;
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

/**
 * Gives several values to an SQL expression that uses them more than once, each computed and written only once: in the
 * body they are `${BOUND}[1]`, `${BOUND}[2]` … No column can be called like that.
 */
export function bindValues(values: readonly string[], body: string): string {
  return `list_transform([[${values.join(', ')}]], lambda ${BOUND}: ${body})[1]`;
}

/** Hour, minute or weekday of a BIGINT time. */
export function timePartSql(name: string, time: string): string {
  if (name === 'hour_of') return `(${floorMod(time, MICROS_PER_DAY)} // ${MICROS_PER_HOUR})`;
  if (name === 'minute_of') return `(${floorMod(time, MICROS_PER_HOUR)} // 60000000)`;
  // 1 January 1970 was a Thursday; Monday is 0.
  return `((((${time} - ${floorMod(time, MICROS_PER_DAY)}) // ${MICROS_PER_DAY} + 3) % 7 + 7) % 7)`;
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
    case 'minute_of':
    case 'weekday_of':
      return timePartSql(name, first);
    case 'sqrt':
      return bindValues([`(${first})::double`], `case when ${BOUND}[1] >= 0 then sqrt(${BOUND}[1]) end`);
    case 'log':
      return bindValues([`(${first})::double`], `case when ${BOUND}[1] > 0 then ln(${BOUND}[1]) end`);
    case 'pow':
      return `nullif(pow((${first})::double, (${second})::double), 'nan'::double)`;
    case 'round':
      return `round_even((${first})::double, 0)`;
    case 'quantize':
      return `(floor((${first})::double / ${second} + 0.5::double) * ${second})`;
    default:
      return `${name}(${args.map(render).join(', ')})`;
  }
}
