/** BSON values as JSON text that loses nothing: integers of 64 bits keep all their digits. */
import { Binary, Decimal128, Long, ObjectId, Timestamp, UUID } from 'mongodb';

/** JSON text of a value, or undefined for what JSON leaves out. */
export function jsonOf(value: unknown): string | undefined {
  if (value === undefined || typeof value === 'function') return undefined;
  // Text, because JSON has no such numbers; the reader of a numeric column takes it as one.
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : JSON.stringify(String(value));
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => jsonOf(item) ?? 'null').join(',')}]`;
  return scalarOf(value) ?? objectOf(value);
}

function scalarOf(value: object): string | undefined {
  if (value instanceof Date) return JSON.stringify(microsecondIso(value));
  // A timestamp of the replication log is a kind of Long, but no number.
  if (value instanceof Timestamp) return JSON.stringify(`${value.t}:${value.i}`);
  if (value instanceof ObjectId) return JSON.stringify(value.toHexString());
  if (value instanceof Decimal128) return JSON.stringify(value.toString());
  if (value instanceof Long) return value.toString();
  if (value instanceof UUID) return JSON.stringify(value.toString());
  if (value instanceof Binary) return JSON.stringify(value.toString('base64'));
  return value instanceof RegExp ? JSON.stringify(String(value)) : undefined;
}

function objectOf(value: object): string {
  const members = Object.entries(value).flatMap(([name, member]) => {
    const text = jsonOf(member);
    return text === undefined ? [] : [`${JSON.stringify(name)}:${text}`];
  });
  return `{${members.join(',')}}`;
}

/** Six digits behind the second, as all our times have; a date beyond what ISO can say becomes null. */
function microsecondIso(date: Date): string | null {
  return Number.isNaN(date.getTime()) ? null : date.toISOString().replace('Z', '000Z');
}
