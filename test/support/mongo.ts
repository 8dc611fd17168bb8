import { randomBytes } from 'node:crypto';
import { type Db, MongoClient } from 'mongodb';
import { inject } from 'vitest';

/** A database of its own on the replica set of this test run. */
export interface TestDatabase {
  readonly uri: string;
  readonly name: string;
  readonly client: MongoClient;
  readonly db: Db;
  /** Empties the database and closes the connection. */
  drop(): Promise<void>;
}

/** Databases that earlier tests of this file left empty: to make all collections and indexes anew takes far longer. */
const emptied: string[] = [];

/** Opens an empty database with a random name; call `drop` in the tear-down, when nothing writes to it any more. */
export async function openTestDatabase(): Promise<TestDatabase> {
  const uri = inject('mongodbUri');
  const name = emptied.pop() ?? `test_${randomBytes(6).toString('hex')}`;
  const client = await MongoClient.connect(uri);
  const db = client.db(name);
  return {
    uri,
    name,
    client,
    db,
    drop: async () => {
      if (await emptyAll(db)) emptied.push(name);
      else await db.dropDatabase();
      await client.close();
    },
  };
}

/** Deletes all documents; false where there are collections that only the server may write, as a profile of requests. */
async function emptyAll(db: Db): Promise<boolean> {
  const names = (await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name);
  if (names.some((name) => name.startsWith('system.'))) return false;
  const writeConcern = { w: 'majority' } as const;
  await Promise.all(names.map((name) => db.collection(name).deleteMany({}, { writeConcern })));
  return true;
}
