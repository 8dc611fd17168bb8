/** Feature rows as a stack of processes left them in its data folder and its database. */
import { join } from 'node:path';
import { DuckDBInstance, type Json } from '@duckdb/node-api';
import { MongoClient } from 'mongodb';
import type { SmallWorld } from './small-world.js';

type Left = Pick<SmallWorld, 'stack'>;

/** Rows of `query`, in which `history` stands for the rows of all chunks of the view. */
export async function queryHistory({ stack }: Left, view: string, query: string): Promise<Record<string, Json>[]> {
  const chunks = await readCollection({ stack }, 'materializations', { view });
  const paths = chunks.map(({ table }) => {
    const { sha256 } = table as { sha256: string };
    return `'${join(stack.dataDir, 'artifacts', 'sha256', sha256.slice(0, 2), sha256)}'`;
  });
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    const reader = await connection.runAndReadAll(
      `with history as (select * from read_parquet([${paths.join(', ')}], union_by_name = true)) ${query}`,
    );
    return reader.getRowObjectsJson();
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** All documents that fit, by their keys. */
export async function readCollection(
  { stack }: Left,
  name: string,
  filter: object = {},
): Promise<Record<string, unknown>[]> {
  const client = await MongoClient.connect(stack.addresses.mongodbUri);
  try {
    return await client.db(stack.addresses.database).collection(name).find(filter).sort({ _id: 1 }).toArray();
  } finally {
    await client.close();
  }
}
