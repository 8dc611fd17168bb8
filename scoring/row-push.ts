/** Pushed rows against their view: typed as it declares, and as both stores take them. */
import { durationMicros } from '../domain/duration.js';
import { DomainError } from '../domain/errors.js';
import type { EntityKey, FeatureType, FeatureValue } from '../domain/feature-view.js';
import { didYouMean } from '../domain/names.js';
import type { PushedRow, SentRow } from '../domain/row-push.js';
import { featureTypes } from '../ml/features/feature-row-sql.js';
import { pushedRowSeq } from '../ml/features/pushed-row-sql.js';
import { type OnlineRow, onlineKey, type RowPush } from '../store/contracts/features.js';
import { keyValue } from './feature-lookup.js';
import type { DeclaredView } from './online-plan.js';

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
    const sent = row.keys[name];
    const fitted = sent === undefined ? null : keyValue(type, sent);
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

/** The shape of a view's rows. `latestTs`: no row may come from later than this, microseconds. */
export function pushShape({ spec, dataset, entityKeys }: DeclaredView, latestTs: number): PushShape {
  return { keys: entityKeys, features: featureTypes(spec, dataset), latestTs };
}

/** When rows that were taken in at a time count, microseconds. */
export function pushKnownTs({ spec }: Pick<DeclaredView, 'spec'>, receivedTs: number): number {
  return receivedTs + durationMicros(spec.servingDelay);
}

/** The rows of a push as the online store keeps them: ranked as history will rank them. */
export function pushedOnlineRows({ rows, number }: Pick<RowPush, 'rows' | 'number'>, knownTs: number): OnlineRow[] {
  return rows.map(({ keys, values, eventTs, deleted }, index) => ({
    key: onlineKey(keys),
    values,
    eventTs,
    knownTs,
    seq: pushedRowSeq(number, index),
    deleted,
  }));
}
