/**
 * Pages of runs in an order whose fields may be missing. Each field is read along its index: first the runs that have
 * it, in order, then those whose metric is NaN, then those without it; only runs with the same value are ordered by what
 * follows. A position names the place of the last run in that order, so runs that come or go shift nothing.
 */
import { type Collection, type Document, type FindCursor, MongoOperationTimeoutError } from 'mongodb';
import { PLACE_GROUPS, type PlaceGroup, placeNumber, type Position } from '../../domain/run-search/position.js';
import { isNumeric, type RunOrder } from '../../domain/run-search/query.js';
import { showMetricValue } from '../../domain/tracking.js';
import { int64, type StoredDocument } from './database.js';
import { pathOf } from './run-filter.js';

const { present: PRESENT, notANumber: NOT_A_NUMBER, missing: MISSING } = PLACE_GROUPS;

export interface OrderedSearch {
  readonly runs: Collection<StoredDocument>;
  readonly filters: readonly Document[];
  readonly order: readonly RunOrder[];
  readonly after: Position | null;
  readonly limit: number;
  /** By then all queries together have to be done, of `performance.now()`. */
  readonly deadlineMs: number;
}

/** The first runs of an order behind a position. */
export async function runsInOrder(search: OrderedSearch): Promise<StoredDocument[]> {
  const { order, after, limit } = search;
  const [first] = order;
  if (limit <= 0) return [];
  if (first === undefined) return newestFirst(search);
  const from = after?.places[0]?.group ?? PRESENT;
  const found: StoredDocument[] = [];
  for (const group of groupsOf(first)) {
    if (group < from) continue;
    const rest = { ...search, limit: limit - found.length, after: group === from ? after : null };
    found.push(
      ...(group === PRESENT ? await presentRuns(rest, first) : await groupedRuns(rest, groupFilter(first, group))),
    );
  }
  return found;
}

/**
 * Runs that have no value in the first field, by the others. Each of those has groups again, so an empty group is not
 * gone into: a field that no run has costs three queries, and does not triple those of the fields behind it.
 */
async function groupedRuns(search: OrderedSearch, alike: Document): Promise<StoredDocument[]> {
  if (search.limit <= 0) return [];
  const isLast = search.order.length === 1;
  if (
    !isLast &&
    (
      await find(search, [...search.filters, alike])
        .limit(1)
        .toArray()
    ).length === 0
  )
    return [];
  return tiedRuns(search, alike);
}

/** Runs that have the field: those that tie with the position, then those behind it, value by value. */
async function presentRuns(search: OrderedSearch, first: RunOrder): Promise<StoredDocument[]> {
  const { filters, after, limit } = search;
  const path = pathOf(first.field);
  const place = after?.places[0];
  if (place === undefined) return alongIndex({ ...search, filters: [...filters, groupFilter(first, PRESENT)] }, first);
  const value = placeValue(first, place.value);
  const tied = await tiedRuns(search, { [path]: { $eq: value } });
  // A comparison finds values of its own type only, and never NaN.
  const behind = { [path]: { [first.descending ? '$lt' : '$gt']: value } };
  const rest = { ...search, filters: [...filters, behind], after: null, limit: limit - tied.length };
  return [...tied, ...(await alongIndex(rest, first))];
}

/** Runs by the first field. The last value may have more runs than were read, so these are asked for by themselves. */
async function alongIndex(search: OrderedSearch, first: RunOrder): Promise<StoredDocument[]> {
  const { filters, order, limit } = search;
  if (limit <= 0) return [];
  const path = pathOf(first.field);
  const found = await find(search, filters)
    .sort({ [path]: first.descending ? -1 : 1 })
    .limit(limit)
    .toArray();
  const compare = (left: StoredDocument, right: StoredDocument): number => compareRuns(order, left, right);
  const last = found.at(-1);
  if (last === undefined || found.length < limit) return found.sort(compare);
  const value = valueAt(last, path);
  const before = found.filter((document) => compareValues(valueAt(document, path), value) !== 0).sort(compare);
  const tied = { ...search, limit: limit - before.length, after: null };
  return [...before, ...(await tiedRuns(tied, { [path]: { $eq: value } }))];
}

/** Runs that are alike in the first field, by the others. */
function tiedRuns(search: OrderedSearch, alike: Document): Promise<StoredDocument[]> {
  const { after, order, filters } = search;
  return runsInOrder({
    ...search,
    filters: [...filters, alike],
    order: order.slice(1),
    after: after === null ? null : { ...after, places: after.places.slice(1) },
  });
}

function newestFirst(search: OrderedSearch): Promise<StoredDocument[]> {
  const { filters, after, limit } = search;
  return find(search, [...filters, ...(after === null ? [] : startedBefore(after))])
    .sort({ startTs: -1, _id: 1 })
    .limit(limit)
    .toArray();
}

/** One of the queries of a search, with what is left of its time. */
function find({ runs, deadlineMs }: OrderedSearch, filters: readonly Document[]): FindCursor<StoredDocument> {
  const timeoutMS = Math.floor(deadlineMs - performance.now());
  if (timeoutMS <= 0) throw new MongoOperationTimeoutError('the queries of one search took too long');
  return runs.find(filters.length === 0 ? {} : { $and: [...filters] }, { timeoutMS });
}

function startedBefore({ startTs, runId }: Position): Document[] {
  const at = int64(startTs);
  // The first condition says nothing new, but bounds the scan of the index.
  return [{ startTs: { $lte: at } }, { $or: [{ startTs: { $lt: at } }, { startTs: at, _id: { $gt: runId } }] }];
}

function groupsOf({ field }: RunOrder): readonly PlaceGroup[] {
  if (field.kind === 'metric') return [PRESENT, NOT_A_NUMBER, MISSING];
  const isAlwaysThere = field.kind === 'attribute' && field.key !== 'end_time';
  return isAlwaysThere ? [PRESENT] : [PRESENT, MISSING];
}

function groupFilter({ field }: RunOrder, group: PlaceGroup): Document {
  const path = pathOf(field);
  // Ranges and no type tests, since only those bound the scan of an index.
  if (group === PRESENT) return { [path]: { $gte: isNumeric(field) ? -Infinity : '' } };
  return { [path]: { $eq: group === MISSING ? null : Number.NaN } };
}

/** Where a run stands, to go on behind it. */
export function positionOf(document: StoredDocument, order: readonly RunOrder[]): Position {
  const places = order.map(({ field }) => {
    const value = valueAt(document, pathOf(field));
    const group = groupOf(value);
    if (group !== PRESENT) return { group };
    return { group, value: typeof value === 'number' ? showMetricValue(value) : String(value) };
  });
  return { places, startTs: Number(document['startTs']), runId: document._id };
}

function placeValue({ field }: RunOrder, value: number | string = ''): number | string {
  return isNumeric(field) ? placeNumber(value) : String(value);
}

function valueAt(document: Document, path: string): number | string | null {
  const value = path.split('.').reduce<unknown>((node, part) => (node as Document | undefined)?.[part], document);
  if (value === undefined || value === null) return null;
  return typeof value === 'string' ? value : Number(value);
}

function groupOf(value: number | string | null): PlaceGroup {
  if (value === null) return MISSING;
  return Number.isNaN(value) ? NOT_A_NUMBER : PRESENT;
}

function compareRuns(order: readonly RunOrder[], left: StoredDocument, right: StoredDocument): number {
  for (const { field, descending } of order) {
    const [mine, other] = [valueAt(left, pathOf(field)), valueAt(right, pathOf(field))];
    const groups = groupOf(mine) - groupOf(other);
    if (groups !== 0) return groups;
    const values = groupOf(mine) === PRESENT ? compareValues(mine, other) : 0;
    if (values !== 0) return descending ? -values : values;
  }
  return Number(right['startTs']) - Number(left['startTs']) || compareValues(left._id, right._id);
}

/** As the database orders them: numbers by size, texts by their bytes. */
function compareValues(left: number | string | null, right: number | string | null): number {
  if (typeof left === 'string' && typeof right === 'string')
    return Buffer.compare(Buffer.from(left), Buffer.from(right));
  if (left === right) return 0;
  return Number(left) < Number(right) ? -1 : 1;
}
