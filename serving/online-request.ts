/** A request for online features, read against its plan: typed columns, keys of every row, and the time it asks about. */
import type { FrozenView } from '../domain/bundle.js';
import { DomainError } from '../domain/errors.js';
import { didYouMean } from '../domain/names.js';
import type { OnlineFeaturesRequest } from '../domain/online-features.js';
import { MICROS_PER_SECOND, micros, parseIso } from '../domain/time.js';
import { keyValue } from '../scoring/feature-lookup.js';
import type { OnlinePlan } from '../scoring/online-plan.js';
import type { RequestColumn, RequestRows } from '../scoring/request-columns.js';
import { onlineKey } from '../store/contracts/features.js';
import { readValues, show } from './tensor-values.js';

type SentValue = string | number | boolean | null;
type SentColumns = ReadonlyMap<string, readonly SentValue[]>;

export interface OnlineQuestion {
  /** Request fields, typed. */
  readonly request: RequestRows;
  /** For each view of the plan the key of every row; null where a part of it is null, which is nobody. */
  readonly keys: readonly (readonly (string | null)[])[];
  /** Microseconds; null for now. */
  readonly asOf: number | null;
}

/** Clocks of machines differ. */
export const CLOCKS_DIFFER_MICROS = 5 * 60 * MICROS_PER_SECOND;

/**
 * Throws `PRN_FEATURE_KEYS_MISSING` and `PRN_FEATURE_MISSING` naming all that is missing, `PRN_INFERENCE_INPUT` for a
 * field of the wrong type, `PRN_REQUEST_INVALID` for the rest.
 */
export function readQuestion(body: OnlineFeaturesRequest, plan: OnlinePlan, now: number): OnlineQuestion {
  const sent = sentColumns(body, plan);
  requireSent(sent, plan);
  const rows = rowCount(sent);
  return {
    request: { rows, columns: new Map(plan.fields.map((field) => [field.name, typedColumn(field, sent)])) },
    keys: plan.views.map((view) => keysOf(view, sent, rows)),
    asOf: askedTime(body.asOf, now),
  };
}

function invalid(problem: string): DomainError {
  return new DomainError('PRN_REQUEST_INVALID', { what: 'body', problem });
}

function sentColumns({ entities, request, keys }: OnlineFeaturesRequest, plan: OnlinePlan): SentColumns {
  const sent = new Map<string, readonly SentValue[]>(Object.entries(entities));
  for (const [name, values] of Object.entries(request)) {
    if (sent.has(name)) throw invalid(`${name} is both in entities and in request`);
    sent.set(name, values);
  }
  if (keys === undefined) return sent;
  const expected = plan.views[0]?.keys ?? [];
  for (const [row, key] of keys.entries())
    if (key.length !== expected.length)
      throw invalid(`keys.${row}: expected ${expected.map((part) => part.key).join(', ')}, got ${key.length} values`);
  for (const [part, { request: name }] of expected.entries())
    sent.set(
      name,
      keys.map((key) => key[part] ?? null),
    );
  return sent;
}

/** Missing names come before superfluous ones: a mistyped name is both, and then the hint helps. */
function requireSent(sent: SentColumns, { views, fields, optional }: OnlinePlan): void {
  const expectedKeys = [...new Set(views.flatMap(({ keys }) => keys.map(({ request }) => request)))];
  const expected = [...new Set([...expectedKeys, ...fields.map(({ name }) => name)])];
  const known = new Set([...expected, ...optional]);
  const surplus = [...sent.keys()].filter((name) => !known.has(name));
  const missing = expected.filter((name) => !sent.has(name));
  const missingKeys = missing.filter((name) => expectedKeys.includes(name));
  const [first] = missing;
  const typo = first === undefined ? undefined : surplus.find((name) => didYouMean(name, [first]) !== '');
  const hint = typo === undefined ? '' : ` (\`${typo}\` is none of them)`;
  if (missingKeys.length > 0)
    throw new DomainError('PRN_FEATURE_KEYS_MISSING', {
      missing: missingKeys.join(', '),
      expected: expectedKeys.join(', '),
      hint,
    });
  if (missing.length > 0)
    throw new DomainError('PRN_FEATURE_MISSING', { field: missing.join(', '), expected: expected.join(', ') + hint });
  const [unknown] = surplus;
  if (unknown === undefined) return;
  throw invalid(
    `no feature reads ${show(unknown)}${didYouMean(unknown, expected)}; expected ${expected.join(', ') || 'no keys'}`,
  );
}

/** A request that needs no keys, of views without entity, has one row. */
function rowCount(sent: SentColumns): number {
  let first: { name: string; rows: number } | undefined;
  for (const [name, { length: rows }] of sent) {
    first ??= { name, rows };
    if (rows !== first.rows) throw invalid(`${name} has ${rows} values, ${first.name} has ${first.rows}`);
  }
  return first?.rows ?? 1;
}

/** Values as JSON has them, into the type of a field: numbers for texts, truth values for numbers, ISO texts for times. */
function typedColumn(field: OnlinePlan['fields'][number], sent: SentColumns): RequestColumn {
  const { name, datatype, nullable } = field;
  const values = sent.get(name) ?? [];
  if (datatype === 'BYTES')
    return readValues({ name, field, datatype, values: values.map((value) => textOf(value, nullable)) });
  if (datatype === 'INT64')
    return readValues({
      name,
      field,
      datatype,
      values: values.map((value) => (typeof value === 'string' ? parseIso(value) : value)),
    });
  const numbers = values.map((value) => (typeof value === 'boolean' ? Number(value) : value));
  return readValues({ name, field, datatype: 'FP64', values: numbers });
}

/** The reserved text for a missing one is "". */
function textOf(value: SentValue, nullable: boolean): SentValue {
  if (value === null && nullable) return '';
  return typeof value === 'number' ? String(value) : value;
}

function keysOf({ keys }: FrozenView, sent: SentColumns, rows: number): (string | null)[] {
  const parts = keys.map(({ type, request: name }) => ({ type, name, values: sent.get(name) ?? [] }));
  return Array.from({ length: rows }, (_unused, row) => {
    const key: (string | number)[] = [];
    for (const { type, name, values } of parts) {
      const value = values[row] ?? null;
      if (value === null) return null;
      const typed = typeof value === 'boolean' ? null : keyValue(type, value);
      if (typed === null) throw invalid(`${name}, row ${row}: expected ${ARTICLES[type]}, got ${show(value)}`);
      key.push(typed);
    }
    return onlineKey(key);
  });
}

const ARTICLES = { string: 'a text, or an integer that JSON keeps exact', integer: 'an integer' } as const;

/** A time that has not come yet cannot be asked about: what will be known by then is not known now. */
function askedTime(asOf: OnlineFeaturesRequest['asOf'], now: number): number | null {
  if (asOf === undefined) return null;
  const time = typeof asOf === 'number' ? micros(asOf) : parseIso(asOf);
  if (time > now + CLOCKS_DIFFER_MICROS) throw invalid('asOf is in the future, of which nothing is known yet');
  return time;
}
