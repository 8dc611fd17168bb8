/** Plain evaluation of an expression over one row: the independent check of the compiled graph. float32 throughout. */
import { MICROS_PER_DAY, MICROS_PER_HOUR, MISSING_TIME } from '../../../domain/time.js';
import type { Expression } from './ast.js';

export type RowValue = number | string | boolean;
export type Row = Readonly<Record<string, RowValue>>;

/** Value of a checked expression as a number; booleans are 1 and 0, missing numbers NaN. */
export function evaluateNumber(node: Expression, row: Row): number {
  const value = evaluate(node, row);
  return typeof value === 'boolean' ? Number(value) : Math.fround(Number(value));
}

function evaluate(node: Expression, row: Row): RowValue {
  switch (node.kind) {
    case 'number':
      return Math.fround(node.value);
    case 'text':
    case 'boolean':
      return node.value;
    case 'column':
      return row[node.name] ?? Number.NaN;
    case 'unary':
      return node.operator === '-' ? -evaluateNumber(node.operand, row) : evaluate(node.operand, row) !== true;
    case 'binary':
      return evaluateBinary(node, row);
    case 'call':
      return evaluateCall(node, row);
  }
}

function evaluateBinary(node: Extract<Expression, { kind: 'binary' }>, row: Row): RowValue {
  const left = evaluate(node.left, row);
  const right = evaluate(node.right, row);
  if (node.operator === 'and') return left === true && right === true;
  if (node.operator === 'or') return left === true || right === true;
  if (typeof left === 'string' || typeof right === 'string') return (left === right) === (node.operator === '==');
  const [a, b] = [Math.fround(Number(left)), Math.fround(Number(right))];
  switch (node.operator) {
    case '+':
      return Math.fround(a + b);
    case '-':
      return Math.fround(a - b);
    case '*':
      return Math.fround(a * b);
    case '/':
      return Math.fround(a / b);
    case '==':
      return a === b;
    case '!=':
      // Not `a !== b`: a comparison with a missing value is false.
      return a < b ? true : a > b;
    case '<':
      return a < b;
    case '<=':
      return a <= b;
    case '>':
      return a > b;
    case '>=':
      return a >= b;
  }
}

function evaluateCall({ name, args }: Extract<Expression, { kind: 'call' }>, row: Row): RowValue {
  const numberAt = (index: number): number => {
    const argument = args[index];
    return argument === undefined ? Number.NaN : evaluateNumber(argument, row);
  };
  const [first] = args;
  if (first === undefined) return Number.NaN;
  switch (name) {
    case 'abs':
      return Math.abs(numberAt(0));
    case 'floor':
      return Math.floor(numberAt(0));
    case 'ceil':
      return Math.ceil(numberAt(0));
    case 'round':
      return roundHalfEven(numberAt(0));
    case 'quantize':
      return quantize(numberAt(0), numberAt(1));
    case 'sqrt':
      return Math.fround(Math.sqrt(numberAt(0)));
    case 'log':
      return Math.fround(Math.log(numberAt(0)));
    case 'exp':
      return Math.fround(Math.exp(numberAt(0)));
    case 'pow':
      return power(numberAt(0), numberAt(1));
    case 'min':
      return lesser(numberAt(0), numberAt(1));
    case 'max':
      return greater(numberAt(0), numberAt(1));
    case 'clip':
      return greater(lesser(numberAt(0), numberAt(2)), numberAt(1));
    case 'coalesce':
      return selected(Number.isNaN(numberAt(0)) ? numberAt(1) : numberAt(0));
    case 'is_null':
      return Number.isNaN(numberAt(0));
    case 'if':
      return selected(evaluate(first, row) === true ? numberAt(1) : numberAt(2));
    case 'in':
      return args.slice(1).some((text) => text.kind === 'text' && text.value === evaluate(first, row));
    default:
      return timePartOf(name, Number(evaluate(first, row)));
  }
}

/** A choice between two numbers never gives −0, whose sign the graph cannot keep. */
function selected(x: number): number {
  return x === 0 ? 0 : x;
}

function lesser(a: number, b: number): number {
  return selected(a < b || Number.isNaN(a) ? a : b);
}

function greater(a: number, b: number): number {
  return selected(a > b || Number.isNaN(a) ? a : b);
}

/** Adding 2²³ leaves float32 no place for a fraction, and the addition itself rounds half to even. */
const FIRST_WITHOUT_FRACTION = 8_388_608;

function roundHalfEven(x: number): number {
  const size = Math.abs(x);
  if (!(size < FIRST_WITHOUT_FRACTION)) return x;
  const whole = Math.fround(Math.fround(size + FIRST_WITHOUT_FRACTION) - FIRST_WITHOUT_FRACTION);
  return x < 0 || Object.is(x, -0) ? -whole : whole;
}

function quantize(x: number, step: number): number {
  return Math.fround(Math.floor(Math.fround(Math.fround(x / step) + 0.5)) * step);
}

/** Missing where either is; 1 to an infinite power is 1, as in C. */
function power(x: number, y: number): number {
  if (Number.isNaN(x) || Number.isNaN(y)) return Number.NaN;
  return Math.abs(x) === 1 && !Number.isFinite(y) ? 1 : Math.fround(x ** y);
}

function timePartOf(name: string, time: number): number {
  if (time === MISSING_TIME) return Number.NaN;
  const floorMod = (value: number, modulus: number): number => value - Math.floor(value / modulus) * modulus;
  if (name === 'hour_of') return Math.floor(floorMod(time, MICROS_PER_DAY) / MICROS_PER_HOUR);
  if (name === 'minute_of') return Math.floor(floorMod(time, MICROS_PER_HOUR) / 60_000_000);
  return floorMod(Math.floor(time / MICROS_PER_DAY) + 3, 7);
}
