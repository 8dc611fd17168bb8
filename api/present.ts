/** Documents as the wire shows them: microseconds become ISO times, everything else stays. */
import { micros, parseIso, toIso } from '../domain/time.js';

const TIME_FIELDS = new Set([
  'at',
  'asOf',
  'from',
  'fromCut',
  'holdoutFrom',
  'holdoutTo',
  'notBefore',
  'sealedThrough',
  'throughCut',
  'to',
  'toCut',
  'trainFrom',
  'trainTo',
  'validFrom',
  'validTo',
  'watermark',
  'windowEnd',
  'windowStart',
]);

export function present(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(present);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, presentMember(key, member)]));
}

function presentMember(key: string, member: unknown): unknown {
  const isTime = TIME_FIELDS.has(key) || key.endsWith('Ts') || key.endsWith('At');
  if (isTime && typeof member === 'number' && Number.isSafeInteger(member)) return toIso(micros(member));
  return present(member);
}

/** A time as callers write it: ISO 8601 or whole microseconds. Throws `PRN_TIME_INVALID`. */
export function readTime(value: string | number): number {
  return typeof value === 'number' ? micros(value) : parseIso(value);
}
