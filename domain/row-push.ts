/** Feature rows that are pushed instead of computed: how they look, and whether they fit their view. Pure. */
import { z } from 'zod';
import { DomainError } from './errors.js';
import { type EntityKey, type FeatureType, FeatureValue } from './feature-view.js';
import { didYouMean } from './names.js';

/** At most so many rows in one push; their numbers leave room for as many. */
export const ROWS_PER_PUSH = 1_000;

/** Where pushed rows go: to online reads at once, to history with the next materialisation, or both. */
export const PushTarget = z.enum(['online', 'offline', 'both']);
export type PushTarget = z.infer<typeof PushTarget>;

/** A row as it is kept: keys in the order of the entity, features in their types. */
export const PushedRow = z.strictObject({
  keys: z.array(z.union([z.string(), z.number()])),
  eventTs: z.number().int(),
  deleted: z.boolean(),
  values: z.record(z.string(), FeatureValue),
});
export type PushedRow = z.infer<typeof PushedRow>;

/** A row as a caller sends it. */
export const SentRow = z.strictObject({
  /** By name; left out for a view without entity. */
  keys: z.record(z.string(), z.union([z.string(), z.number()])).default({}),
  /** Microseconds. */
  eventTs: z.number().int(),
  /** Features that are left out are null. */
  values: z.record(z.string(), FeatureValue).default({}),
  /** The entity reads as missing from the event time on. */
  deleted: z.boolean().default(false),
});
export type SentRow = z.infer<typeof SentRow>;

export interface PushShape {
  readonly keys: readonly EntityKey[];
  readonly features: readonly { readonly name: string; readonly type: FeatureType }[];
  /** No row may come from later than this, microseconds. */
  readonly latestTs: number;
}

/** The row in the types of its view. Throws `PRN_REQUEST_INVALID` that names the row and what to change. */
export function fitRow(row: SentRow, shape: PushShape, index: number): PushedRow {
  const invalid = (problem: string): DomainError =>
    new DomainError('PRN_REQUEST_INVALID', { what: 'body', problem: `rows.${index}: ${problem}` });
  const names = { keys: shape.keys.map(({ name }) => name), values: shape.features.map(({ name }) => name) };
  for (const part of ['keys', 'values'] as const) {
    const unknown = Object.keys(row[part]).find((name) => !names[part].includes(name));
    if (unknown !== undefined)
      throw invalid(
        `${part}.${unknown} is unknown${didYouMean(unknown, names[part])}; there are ${names[part].join(', ') || 'none'}`,
      );
  }
  if (row.deleted && Object.keys(row.values).length > 0) throw invalid('a deleted row has no values: leave either out');
  if (row.eventTs > shape.latestTs) throw invalid('eventTs is in the future');
  const keys = shape.keys.map(({ name, type }) => {
    const fitted = fitKey(type, row.keys[name]);
    if (fitted === null) throw invalid(`keys.${name} must be ${EXPECTED_KEY[type]}, got ${show(row.keys[name])}`);
    return fitted;
  });
  const values = shape.features.map(({ name, type }) => {
    const fitted = fitValue(type, row.values[name] ?? null);
    if (fitted === undefined) throw invalid(`values.${name} must be ${EXPECTED[type]}, got ${show(row.values[name])}`);
    return [name, fitted] as const;
  });
  return { keys, eventTs: row.eventTs, deleted: row.deleted, values: row.deleted ? {} : Object.fromEntries(values) };
}

const EXPECTED_KEY: Readonly<Record<EntityKey['type'], string>> = {
  string: 'a text',
  integer: 'a whole number below 2⁵³',
};

const EXPECTED: Readonly<Record<FeatureType, string>> = {
  float: 'a number that 32 bits can hold, or null',
  double: 'a finite number or null',
  integer: 'a whole number below 2⁵³ or null',
  string: 'a text or null',
  boolean: 'true, false or null',
  timestamp: 'whole microseconds or null',
};

function fitKey(type: EntityKey['type'], value: string | number | undefined): string | number | null {
  if (value === undefined) return null;
  if (type === 'string') return String(value);
  if (typeof value === 'string' && !/^-?\d+$/.test(value)) return null;
  return Number.isSafeInteger(Number(value)) ? Number(value) : null;
}

/** Undefined for what does not fit. A number becomes the 32-bit one that it will read as. */
function fitValue(type: FeatureType, value: FeatureValue): FeatureValue | undefined {
  if (value === null) return null;
  if (type === 'string' || type === 'boolean') return typeof value === type ? value : undefined;
  if (typeof value !== 'number') return undefined;
  if (type === 'float') return Number.isFinite(Math.fround(value)) ? Math.fround(value) : undefined;
  if (type === 'double') return Number.isFinite(value) ? value : undefined;
  return Number.isSafeInteger(value) ? value : undefined;
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 60);
}
