/**
 * Tree → DuckDB SQL that computes what the graph of a model computes: float32 throughout, a comparison with a missing
 * value is false. It is the offline side of skew certificates. Missing is null here, never NaN: DuckDB calls NaN equal
 * to itself and greater than everything, and `least` and `greatest` pass over nulls.
 */
import type { BinaryOperator, Expression } from './ast.js';
import { MISSING_TIME } from '../../../domain/time.js';
import { type ColumnTypes, typeOf } from './check.js';
import { BOUND, bindValues, quoteIdentifier, quoteText, timePartSql } from './sql.js';

export interface FeatureSqlScope {
  readonly text: string;
  readonly columns: ColumnTypes;
}

type Call = Extract<Expression, { kind: 'call' }>;

const [LEFT, RIGHT] = [`${BOUND}[1]`, `${BOUND}[2]`];
const COMPARISONS: Partial<Record<BinaryOperator, string>> = {
  '==': '=',
  '!=': '<>',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
};

/** REAL of a checked expression over REAL, BIGINT and VARCHAR columns; booleans are 1 and 0, missing is null. */
export function renderFeatureSql(node: Expression, scope: FeatureSqlScope): string {
  if (typeOf(node, scope) === 'boolean') return `(${condition(node, scope)})::real`;
  switch (node.kind) {
    case 'number':
      return real(Math.fround(node.value));
    case 'column':
      return missingIsNull(`(${quoteIdentifier(node.name)})::real`);
    case 'unary':
      return `(-${renderFeatureSql(node.operand, scope)})`;
    case 'binary': {
      const [left, right] = [renderFeatureSql(node.left, scope), renderFeatureSql(node.right, scope)];
      return missingIsNull(`${left} ${node.operator} ${right}`);
    }
    case 'call':
      return numberCall(node, scope);
    case 'text':
    case 'boolean':
      throw new TypeError('a checked expression has no such node here');
  }
}

/** A text column; the empty text stands for a missing one and U+FFFD for NUL, as in tensors. */
export function featureTextSql(name: string): string {
  return `replace(coalesce(${quoteIdentifier(name)}, ''), chr(0), '\u{fffd}')`;
}

function real(value: number): string {
  return `'${Object.is(value, -0) ? '-0.0' : String(value)}'::real`;
}

function missingIsNull(sql: string): string {
  return `nullif(${sql}, 'nan'::real)`;
}

/** BOOLEAN, never null. */
function condition(node: Expression, scope: FeatureSqlScope): string {
  switch (node.kind) {
    case 'boolean':
      return String(node.value);
    case 'unary':
      return `(not ${condition(node.operand, scope)})`;
    case 'binary':
      return comparison(node, scope);
    case 'call': {
      const [first, ...texts] = node.args;
      if (first === undefined) throw new TypeError('a checked call has arguments');
      if (node.name === 'is_null') return `(${renderFeatureSql(first, scope)} is null)`;
      return `(${text(first)} in (${texts.map(text).join(', ')}))`;
    }
    default:
      throw new TypeError('a boolean column is not an input of models yet');
  }
}

function comparison(node: Extract<Expression, { kind: 'binary' }>, scope: FeatureSqlScope): string {
  const { operator, left, right } = node;
  if (operator === 'and' || operator === 'or')
    return `(${condition(left, scope)} ${operator} ${condition(right, scope)})`;
  const sign = COMPARISONS[operator] ?? '=';
  if (typeOf(left, scope) === 'text') return `(${text(left)} ${sign} ${text(right)})`;
  return `coalesce(${renderFeatureSql(left, scope)} ${sign} ${renderFeatureSql(right, scope)}, false)`;
}

function text(node: Expression): string {
  if (node.kind === 'text') return quoteText(node.value);
  if (node.kind === 'column') return featureTextSql(node.name);
  throw new TypeError('a checked text is a column or a text in quotes');
}

function numberCall({ name, args }: Call, scope: FeatureSqlScope): string {
  const [first, second, third] = args;
  if (first === undefined) throw new TypeError('a checked call has arguments');
  const argument = (node: Expression | undefined): string => renderFeatureSql(node ?? first, scope);
  switch (name) {
    case 'min':
      return pick('<', argument(first), argument(second));
    case 'max':
      return pick('>', argument(first), argument(second));
    case 'clip':
      return pick('>', pick('<', argument(first), argument(third)), argument(second));
    case 'coalesce':
      return selected(`coalesce(${argument(first)}, ${argument(second)})`);
    case 'if':
      return selected(`case when ${condition(first, scope)} then ${argument(second)} else ${argument(third)} end`);
    case 'round':
      return `round_even(${argument(first)}, 0)`;
    case 'quantize': {
      const step = argument(second);
      return missingIsNull(`floor(${missingIsNull(`${argument(first)} / ${step}`)} + ${real(0.5)}) * ${step}`);
    }
    case 'hour_of':
    case 'minute_of':
    case 'weekday_of':
      return `${timePartSql(name, first.kind === 'column' ? `nullif(${quoteIdentifier(first.name)}, ${MISSING_TIME})` : 'null')}::real`;
    case 'sqrt':
    case 'log':
    case 'exp':
    case 'pow':
      return inFloat64(name, args.map(argument));
    default:
      return `${name}(${argument(first)})`;
  }
}

/** The lesser or greater of two numbers, the right one of equals; null where either is. */
function pick(sign: '<' | '>', left: string, right: string): string {
  const chosen = `case when ${LEFT} is null or ${RIGHT} is null then null when ${LEFT} ${sign} ${RIGHT} then ${LEFT} else ${RIGHT} end`;
  return selected(bindValues([left, right], chosen));
}

/** A choice between two numbers never gives −0, whose sign the graph cannot keep. */
function selected(sql: string): string {
  return bindValues([sql], `case when ${LEFT} = 0 then 0::real else ${LEFT} end`);
}

/** DuckDB refuses roots and logarithms that have no value, where the other back-ends give NaN. */
const FLOAT64_FUNCTIONS: Readonly<Record<string, string>> = {
  sqrt: `case when ${LEFT} >= 0 then sqrt(${LEFT}) end`,
  log: `case when ${LEFT} > 0 then ln(${LEFT}) when ${LEFT} = 0 then '-inf'::double end`,
  exp: `exp(${LEFT})`,
  pow: `pow(${LEFT}, ${RIGHT})`,
};

function inFloat64(name: 'sqrt' | 'log' | 'exp' | 'pow', args: readonly string[]): string {
  const operands = args.map((argument) => `(${argument})::double`);
  return toReal(bindValues(operands, FLOAT64_FUNCTIONS[name] ?? LEFT));
}

/** Half a unit above the greatest float32: from here on a number rounds to infinity. DuckDB's cast refuses it. */
const ROUNDS_TO_INFINITY = '3.4028235677973366e38::double';
const GREATEST = '3.4028234663852886e38::double';

function toReal(float64: string): string {
  const rounded = `greatest(least(${LEFT}, ${GREATEST}), -${GREATEST})::real`;
  const cast =
    `case when ${LEFT} is null then null when ${LEFT} >= ${ROUNDS_TO_INFINITY} then 'inf'::real ` +
    `when ${LEFT} <= -${ROUNDS_TO_INFINITY} then '-inf'::real else ${rounded} end`;
  return bindValues([`nullif(${float64}, 'nan'::double)`], cast);
}
