/** Values of a request tensor, read into the column that the model takes, or refused with the row and the reason. */
import { DomainError } from '../domain/errors.js';
import type { RequestColumn, RequestDatatype } from '../scoring/request-columns.js';
import type { FieldType } from './contract.js';

/** Integer datatypes with their ranges; INT64 and UINT64 are cut at what JSON numbers keep exact. */
const INTEGERS: Readonly<Record<string, readonly [least: number, greatest: number]>> = {
  INT8: [-128, 127],
  INT16: [-32_768, 32_767],
  INT32: [-2_147_483_648, 2_147_483_647],
  INT64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  UINT8: [0, 255],
  UINT16: [0, 65_535],
  UINT32: [0, 4_294_967_295],
  UINT64: [0, Number.MAX_SAFE_INTEGER],
};
const ACCEPTED: Readonly<Record<RequestDatatype, readonly string[]>> = {
  FP32: ['FP32', 'FP64', ...Object.keys(INTEGERS)],
  INT64: Object.keys(INTEGERS),
  BYTES: ['BYTES'],
};

interface SentTensor {
  readonly name: string;
  readonly field: FieldType;
  /** As the caller declared it. */
  readonly datatype: unknown;
  readonly values: readonly unknown[];
}

/**
 * Into an FP32 field go FP32 and FP64, rounded to float32 as training rounds its columns, and integers that float32
 * holds exactly; into an INT64 field all integers. Throws `PRN_INFERENCE_INPUT`.
 */
export function readValues({ name, field, datatype, values }: SentTensor): RequestColumn {
  if (typeof datatype !== 'string' || !ACCEPTED[field.datatype].includes(datatype))
    throw invalidInput(name, `expected datatype ${field.datatype}, got ${show(datatype)}`);
  const place = { name, nullable: field.nullable, range: INTEGERS[datatype] };
  if (field.datatype === 'BYTES')
    return { name, datatype: 'BYTES', values: values.map((value, row) => text(value, row, place)) };
  if (field.datatype === 'INT64')
    return { name, datatype: 'INT64', values: values.map((value, row) => integer(value, row, place)) };
  const floats = new Float32Array(values.length);
  for (let row = 0; row < values.length; row += 1) floats[row] = float(values[row], row, place);
  return { name, datatype: 'FP32', values: floats };
}

interface Place {
  readonly name: string;
  readonly nullable: boolean;
  readonly range: readonly [number, number] | undefined;
}

function text(value: unknown, row: number, { name }: Place): string {
  if (typeof value === 'string') return value;
  throw invalidInput(name, value === null ? nullAt(row) : `row ${row}: expected a text, got ${show(value)}`);
}

function integer(value: unknown, row: number, { name, range }: Place): number {
  const [least, greatest] = range ?? [0, 0];
  if (typeof value !== 'number') throw notANumber(name, row, value);
  if (Number.isSafeInteger(value) && value >= least && value <= greatest) return value;
  throw invalidInput(
    name,
    Number.isSafeInteger(value) || !Number.isInteger(value)
      ? `row ${row}: ${value} is not an integer from ${least} to ${greatest}`
      : `row ${row}: ${value} is not an integer that JSON keeps exact`,
  );
}

function float(value: unknown, row: number, place: Place): number {
  const { name, nullable, range } = place;
  if (value === null && nullable) return Number.NaN;
  if (typeof value !== 'number') throw notANumber(name, row, value);
  if (range !== undefined) {
    const whole = integer(value, row, place);
    if (Math.fround(whole) === whole) return whole;
    throw invalidInput(name, `row ${row}: ${whole} is not exact in FP32`);
  }
  if (Number.isFinite(Math.fround(value))) return value;
  throw invalidInput(name, `row ${row}: ${value} is beyond what FP32 holds`);
}

function notANumber(name: string, row: number, value: unknown): DomainError {
  return invalidInput(name, value === null ? nullAt(row) : `row ${row}: expected a number, got ${show(value)}`);
}

function nullAt(row: number): string {
  return `row ${row} is null, which this input does not take`;
}

export function invalidInput(input: string, problem: string): DomainError {
  return new DomainError('PRN_INFERENCE_INPUT', { input, problem });
}

/** A value for a message: short, and never walked into, since callers can nest it as deep as they like. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 60));
  if (Array.isArray(value))
    return value.length <= 4 && value.every((each) => typeof each === 'number') ? `[${value.join(',')}]` : 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'number' || typeof value === 'boolean' || value === null ? `${value}` : 'none';
}
