/**
 * The newest row of each entity. Writes commute: the greatest (generation, event, known, seq) stays, in whatever order,
 * batches and processes they come. Rows that are new are inserted, those that lost already are left out, and only the rest
 * pays for an update that the row's own rank guards.
 */
import { type AnyBulkWriteOperation, Binary, MongoBulkWriteError } from 'mongodb';
import { revisionOf } from '../../domain/materialization.js';
import type { FeatureStore, OnlineRow } from '../contracts/features.js';
import { type Database, int64, type StoredDocument } from './database.js';

/** One write of so many rows keeps a batch of wide rows well below the limit of a message. */
const ROWS_PER_WRITE = 2_000;

type OnlineRows = Pick<FeatureStore, 'upsertOnline' | 'readOnline' | 'retireOnline'>;

export function createOnlineRows(database: Database): OnlineRows {
  const online = (view: string) => database.collection(`online_${view}`);

  async function upsert(view: string, documents: readonly StoredDocument[]): Promise<void> {
    const collection = online(view);
    const ids = documents.map(({ _id }) => _id);
    // A rank only grows: what is read here may be old, but never too high.
    const found = await collection.find({ _id: { $in: ids } }, { projection: { rank: 1 } }).toArray();
    const ranks = new Map(found.map(({ _id, rank }) => [_id, asRank(rank)]));
    const fresh = documents.filter(({ _id }) => !ranks.has(_id));
    const later = documents.filter(({ _id, rank }) => isAfter(asRank(rank), ranks.get(_id)));
    const raced = fresh.length === 0 ? [] : await insertOrTell(fresh);
    const updates = [...later, ...raced].map(guardedReplace);
    if (updates.length > 0) await ignoreDuplicates(collection.bulkWrite(updates, { ordered: false }));

    /** Rows that another writer inserted meanwhile. */
    async function insertOrTell(rows: readonly StoredDocument[]): Promise<StoredDocument[]> {
      const failed = await ignoreDuplicates(collection.insertMany([...rows], { ordered: false }));
      return failed.flatMap((index) => rows[index] ?? []);
    }
  }

  return {
    async upsertOnline(view, rows, generation = 0) {
      const documents = [...newestByKey(rows).values()].map((row) => documentOf(row, generation));
      for (let from = 0; from < documents.length; from += ROWS_PER_WRITE)
        await upsert(view, documents.slice(from, from + ROWS_PER_WRITE));
    },
    async readOnline(view, keys, features) {
      const [first] = keys;
      if (first === undefined) return new Map();
      // One key by equality takes the server's shortest way.
      const filter = keys.length === 1 ? { _id: first } : { _id: { $in: [...keys] } };
      const found = await online(view)
        .find(filter, { ...(features !== undefined && projectionOf(features)), batchSize: keys.length + 1 })
        .toArray();
      return new Map(found.map((document) => [document._id, readRow(document)]));
    },
    async retireOnline(view, generation) {
      await online(view).deleteMany({ generation: { $lt: int64(generation) } });
    },
  };
}

/** Keys that come twice in one batch would race each other. */
function newestByKey(rows: readonly OnlineRow[]): Map<string, OnlineRow> {
  const newest = new Map<string, OnlineRow>();
  for (const row of rows) {
    const standing = newest.get(row.key);
    if (standing === undefined || comesAfter(row, standing)) newest.set(row.key, row);
  }
  return newest;
}

function comesAfter(row: OnlineRow, other: OnlineRow): boolean {
  if (row.eventTs !== other.eventTs) return row.eventTs > other.eventTs;
  return row.knownTs === other.knownTs ? row.seq > other.seq : row.knownTs > other.knownTs;
}

function documentOf(row: OnlineRow, generation: number): StoredDocument {
  const { key, values, eventTs, knownTs, seq, deleted } = row;
  return {
    _id: key,
    values,
    eventTs: int64(eventTs),
    knownTs: int64(knownTs),
    seq: int64(seq),
    deleted,
    generation: int64(generation),
    rank: new Binary(rankOf([generation, eventTs, knownTs, seq])),
  };
}

/** Numbers one after the other, such that bytes compare as they do: one scalar for one guard. */
function rankOf(parts: readonly number[]): Buffer {
  const bytes = Buffer.alloc(parts.length * 8);
  for (const [index, part] of parts.entries()) bytes.writeBigUInt64BE(BigInt(part) + SIGN, index * 8);
  return bytes;
}

/** Moves negative times below positive ones. */
const SIGN = 2n ** 63n;

function asRank(rank: unknown): Buffer | null {
  return rank instanceof Binary ? Buffer.from(rank.buffer.subarray(0, rank.position)) : null;
}

function isAfter(rank: Buffer | null, standing: Buffer | null | undefined): boolean {
  return rank !== null && standing != null && Buffer.compare(rank, standing) > 0;
}

/** Replaces an earlier row; where a later one stands, the insert that is then tried is a duplicate and ignored. */
function guardedReplace({ _id, ...replacement }: StoredDocument): AnyBulkWriteOperation<StoredDocument> {
  return { replaceOne: { filter: { _id, rank: { $lt: replacement['rank'] } }, replacement, upsert: true } };
}

/** Waits for an unordered write; returns the positions that were refused as duplicates. */
async function ignoreDuplicates(write: Promise<unknown>): Promise<number[]> {
  try {
    await write;
    return [];
  } catch (error) {
    if (!(error instanceof MongoBulkWriteError)) throw error;
    const failed = Array.isArray(error.writeErrors) ? error.writeErrors : [error.writeErrors];
    if (failed.some(({ code }) => code !== DUPLICATE_KEY)) throw error;
    return failed.map(({ index }) => index);
  }
}

const DUPLICATE_KEY = 11_000;

function projectionOf(features: readonly string[]): { projection: Record<string, 1> } {
  const values = features.map((feature) => [`values.${feature}`, 1] as const);
  return { projection: { eventTs: 1, knownTs: 1, seq: 1, deleted: 1, generation: 1, ...Object.fromEntries(values) } };
}

function readRow(document: StoredDocument): OnlineRow {
  const { _id, values, eventTs, knownTs, seq, deleted, generation } = document;
  const viewRevision = revisionOf(Number(generation ?? 0));
  return {
    key: _id,
    values: values ?? {},
    eventTs: Number(eventTs),
    knownTs: Number(knownTs),
    seq: Number(seq),
    deleted: deleted === true,
    ...(viewRevision > 0 && { viewRevision }),
  };
}
