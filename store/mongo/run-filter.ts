/** Conditions of a search for runs as a filter of MongoDB. */
import type { Document } from 'mongodb';
import {
  isNumeric,
  type RunAttribute,
  type RunCondition,
  type RunField,
  type RunSearch,
} from '../../domain/run-search/query.js';
import { MICROS_PER_MS } from '../../domain/time.js';
import { fieldOf } from './run-documents.js';

const ATTRIBUTE_PATHS: Readonly<Record<RunAttribute, string>> = {
  run_id: '_id',
  run_name: 'name',
  status: 'status',
  user_id: 'userId',
  artifact_uri: 'artifactUri',
  start_time: 'startTs',
  end_time: 'endTs',
};
const COMPARISONS = { '=': '$eq', '>': '$gt', '>=': '$gte', '<': '$lt', '<=': '$lte' } as const;

/** Where a field lies in the document of a run; of datasets, in each of its inputs. */
export function pathOf({ kind, key }: RunField): string {
  if (kind === 'attribute') return ATTRIBUTE_PATHS[key];
  if (kind === 'dataset') return key;
  return `${kind}s.${fieldOf(key)}`;
}

/** Filters that all have to hold. */
export function filtersOf({ experimentIds, lifecycle, conditions }: RunSearch): Document[] {
  const [experimentId] = experimentIds;
  return [
    ...(experimentIds.length === 0
      ? []
      : [{ experimentId: experimentIds.length === 1 ? experimentId : { $in: experimentIds } }]),
    ...(lifecycle === null ? [] : [{ lifecycle }]),
    ...conditions.map(filterOf),
  ];
}

function filterOf(condition: RunCondition): Document {
  const { field } = condition;
  const path = pathOf(field);
  const test = testOf(condition);
  return field.kind === 'dataset' ? { inputs: { $elemMatch: { [path]: test } } } : { [path]: test };
}

function testOf(condition: RunCondition): Document {
  const { field, operator, value } = condition;
  // Also in the place of an end that has not come, which no comparison finds.
  const present = { $type: isNumeric(field) ? 'number' : 'string' };
  switch (operator) {
    case 'LIKE':
      return { $regex: likePattern(value), $options: 's' };
    case 'ILIKE':
      return { $regex: likePattern(value), $options: 'is' };
    case 'IN':
      return { $in: value };
    case 'NOT IN':
      return { $nin: value, ...present };
    case '!=':
      return { $ne: stored(field, value), ...present };
    default:
      return { [COMPARISONS[operator]]: stored(field, value) };
  }
}

/** Times are compared as they are kept. */
function stored(field: RunField, value: number | string): number | string {
  return field.kind === 'attribute' && typeof value === 'number' ? value * MICROS_PER_MS : value;
}

/**
 * A pattern with `%` for any text and `_` for one character, as a regular expression. Every part between two `%` is
 * taken at its first place and never tried again, which is right for such patterns and keeps the time linear.
 */
export function likePattern(pattern: string): string {
  const [first = '', ...rest] = pattern.split('%').map(partPattern);
  const last = rest.pop();
  if (last === undefined) return `^${first}$`;
  const middle = rest.filter((part) => part !== '').map((part) => `(?>.*?${part})`);
  const end = last === '' ? '' : `.*${last}$`;
  return `^${first}${middle.join('')}${end}`;
}

function partPattern(part: string): string {
  return part.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&').replaceAll('_', '.');
}
