/** Single values of a result as plain JavaScript ones. */
import { DomainError } from '../../domain/errors.js';
import type { SqlValue } from '../contracts/tables.js';

/** Throws `PRN_TABLE_QUERY_FAILED` for an integer beyond 2^53 − 1: rounding it silently would merge keys. */
export function safeInteger(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number))
    throw new DomainError('PRN_TABLE_QUERY_FAILED', { reason: `the integer ${value} is too large to be exact` });
  return number;
}

/** Times become ISO text, nested values JSON. */
export function plainValue(value: unknown): SqlValue {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return value;
  if (typeof value === 'bigint') return safeInteger(value);
  return value instanceof Date ? value.toISOString() : JSON.stringify(value);
}
