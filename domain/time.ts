/** Time as Perennial keeps it: microseconds since 1970 in UTC, in a safe integer. ISO strings exist only on the wire. */
import { DomainError } from './errors.js';

/** Microseconds since 1970-01-01T00:00:00Z. Safe integers cover the years 1684 to 2255. */
export type Micros = number & { readonly __brand: 'Micros' };

/** Stands for "no time" where a tensor of INT64 has no other word for it; no time on the wire can be that early. */
export const MISSING_TIME = Number.MIN_SAFE_INTEGER;

export const MICROS_PER_MS = 1_000;
export const MICROS_PER_SECOND = 1_000_000;
export const MICROS_PER_HOUR = 3_600 * MICROS_PER_SECOND;
export const MICROS_PER_DAY = 24 * MICROS_PER_HOUR;

/** Brands a number as microseconds. Throws `PRN_TIME_INVALID` unless it is a safe integer. */
export function micros(value: number): Micros {
  if (!Number.isSafeInteger(value)) throw new DomainError('PRN_TIME_INVALID', { got: String(value) });
  return value as Micros;
}

export function addMicros(time: Micros, delta: number): Micros {
  return micros(time + delta);
}

export function fromEpochMs(epochMs: number): Micros {
  return micros(Math.round(epochMs) * MICROS_PER_MS);
}

export function toEpochMs(time: Micros): number {
  return Math.floor(time / MICROS_PER_MS);
}

const ISO_PATTERN = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(?:\.(\d{1,6}))?)?(Z|[+-]\d{2}:\d{2})?$/;

/** Parses ISO 8601 with up to six decimals; without an offset the text is UTC. Throws `PRN_TIME_INVALID`. */
export function parseIso(text: string): Micros {
  const match = ISO_PATTERN.exec(text);
  if (match === null) throw new DomainError('PRN_TIME_INVALID', { got: text });
  const [, date = '', clock = '00:00:00', fraction = '', offset = 'Z'] = match;
  const seconds = clock.length === 5 ? `${clock}:00` : clock;
  const epochMs = Date.parse(`${date}T${seconds}${offset}`);
  if (Number.isNaN(epochMs)) throw new DomainError('PRN_TIME_INVALID', { got: text });
  const time = epochMs * MICROS_PER_MS + Number(fraction.padEnd(6, '0'));
  // The text that came helps more than the number it stands for.
  if (!Number.isSafeInteger(time)) throw new DomainError('PRN_TIME_INVALID', { got: text });
  return micros(time);
}

/** Renders ISO 8601 in UTC: milliseconds, or microseconds where they are not zero. */
export function toIso(time: Micros): string {
  const wholeMs = Math.floor(time / MICROS_PER_MS);
  const rest = time - wholeMs * MICROS_PER_MS;
  const text = new Date(wholeMs).toISOString();
  return rest === 0 ? text : `${text.slice(0, -1)}${String(rest).padStart(3, '0')}Z`;
}

/** Largest multiple of `step` (microseconds) that is not after `time`, counted from the epoch; correct before 1970 too. */
export function floorTo(time: Micros, step: number): Micros {
  return micros(Math.floor(time / step) * step);
}

export function minMicros(times: readonly Micros[]): Micros | undefined {
  return times.reduce<Micros | undefined>(
    (least, time) => (least === undefined || time < least ? time : least),
    undefined,
  );
}
