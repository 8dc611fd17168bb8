/** Reads collections of MongoDB as a source: a connection of its own for each reading. */
import { BSON, type Document, type Filter, MongoClient, MongoError } from 'mongodb';
import type { CollectionSource } from '../../domain/dataset-source.js';
import { DomainError } from '../../domain/errors.js';
import type { CollectionReader, CollectionRow } from '../contracts/collections.js';
import { jsonOf } from './collection-json.js';

export interface CollectionReaderOptions {
  /** The installation's own server and database; the latter cannot be read. */
  readonly uri: string;
  readonly database: string;
  /** The connection string that a name stands for; undefined where there is none. */
  readonly secretOf: (name: string) => string | undefined;
}

export function createCollectionReader(options: CollectionReaderOptions): CollectionReader {
  return {
    async *read(source, after, signal) {
      const uri = `mongo:${source.database ?? ''}/${source.collection}`;
      const client = connectionOf(options, source, uri);
      const stop = (): void => void client.close();
      signal.addEventListener('abort', stop, { once: true });
      try {
        await client.connect();
        const database = client.db(source.database);
        requireForeign(client, database.databaseName, { options, uri });
        yield* rowsOf(client, source, { after, uri });
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        if (!(error instanceof MongoError)) throw error;
        throw new DomainError('PRN_DATASET_SOURCE_UNAVAILABLE', { uri, reason: error.message }, { cause: error });
      } finally {
        signal.removeEventListener('abort', stop);
        await client.close();
      }
    },
  };
}

function connectionOf(options: CollectionReaderOptions, source: CollectionSource, uri: string): MongoClient {
  const name = source.uri?.fromEnv;
  const address = name === undefined ? options.uri : options.secretOf(name);
  if (address === undefined || address === '') {
    const reason = `the worker's environment has no variable ${name ?? ''} with its connection string`;
    throw new DomainError('PRN_DATASET_SOURCE_UNAVAILABLE', { uri, reason });
  }
  const promote = { promoteLongs: false, promoteBuffers: false, bsonRegExp: false };
  return new MongoClient(address, { ...promote, readPreference: 'primary', serverSelectionTimeoutMS: 10_000 });
}

/** Keys, approvals and everything else that is Perennial's own must not become data. */
function requireForeign(
  client: MongoClient,
  database: string,
  { options, uri }: { options: CollectionReaderOptions; uri: string },
): void {
  const own = new Set(hostsOf(options.uri));
  const isOwnServer = client.options.hosts.some((host) => own.has(host.toString()));
  const isInternal = ['admin', 'config', 'local'].includes(database);
  if (isInternal || (isOwnServer && database === options.database))
    throw new DomainError('PRN_DATASET_SOURCE_FORBIDDEN', { uri, allowed: 'databases other than its own' });
}

function hostsOf(uri: string): string[] {
  return new MongoClient(uri).options.hosts.map((host) => host.toString());
}

async function* rowsOf(
  client: MongoClient,
  { collection, database, highWater: field }: CollectionSource,
  { after, uri }: { after: string | null; uri: string },
): AsyncIterable<CollectionRow> {
  const behind: unknown = after === null ? undefined : BSON.EJSON.parse(after, { relaxed: false }).v;
  const filter: Filter<Document> = { [field]: behind === undefined ? { $ne: null } : { $gt: behind } };
  const found = client
    .db(database)
    .collection(collection, { readConcern: { level: 'majority' } })
    .find(filter, { sort: { [field]: 1 } });
  let kind = behind === undefined ? null : kindOf(behind);
  for await (const document of found) {
    const value: unknown = document[field];
    kind ??= kindOf(value);
    if (kindOf(value) !== kind) {
      const reason = `its field ${field} is ${kind} in one document and ${kindOf(value)} in another`;
      throw new DomainError('PRN_DATASET_SOURCE_UNREADABLE', { uri, format: 'a collection', line: '', reason });
    }
    yield { json: jsonOf(document) ?? '{}', highWater: BSON.EJSON.stringify({ v: value }, { relaxed: false }) };
  }
}

/** Values of different kinds have an order in MongoDB, but a comparison never leaves its kind. */
function kindOf(value: unknown): string {
  if (value instanceof BSON.Long || value instanceof BSON.Decimal128) return 'number';
  if (typeof value === 'object' && value !== null) return value.constructor.name;
  return typeof value;
}
