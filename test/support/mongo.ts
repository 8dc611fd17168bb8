import { randomBytes } from 'node:crypto';
import { type Db, MongoClient } from 'mongodb';
import { inject } from 'vitest';

/** A database of its own on the replica set of this test run. */
export interface TestDatabase {
  readonly uri: string;
  readonly name: string;
  readonly client: MongoClient;
  readonly db: Db;
  /** Drops the database and closes the connection. */
  drop(): Promise<void>;
}

/** Opens an empty database with a random name; call `drop` in the tear-down. */
export async function openTestDatabase(): Promise<TestDatabase> {
  const uri = inject('mongodbUri');
  const name = `test_${randomBytes(6).toString('hex')}`;
  const client = await MongoClient.connect(uri);
  const db = client.db(name);
  return {
    uri,
    name,
    client,
    db,
    drop: async () => {
      await db.dropDatabase();
      await client.close();
    },
  };
}
