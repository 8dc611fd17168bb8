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
      const collections = await db.listCollections({}, { nameOnly: true }).toArray();
      const writeConcern = { w: 'majority' } as const;
      await Promise.all(collections.map((each) => db.collection(each.name).deleteMany({}, { writeConcern })));
      await client.close();
      emptied.push(name);
    },
  };
}
