import { type Document, MongoClient, MongoServerError } from 'mongodb';
import { LOOPBACK } from './ports.js';

const REPLICA_SET = 'rs0';
const NOT_YET_INITIALIZED = 94;
const INVALID_REPLICA_SET_CONFIG = 93;
const ANSWER_TIMEOUT_MS = 3_000;

/** Connection string of the one-node replica set on a loopback port. */
export function replicaSetUri(port: number): string {
  return `mongodb://${LOOPBACK}:${port}/?replicaSet=${REPLICA_SET}`;
}

/**
 * Makes the server on this port the primary of its one-node replica set and resolves once it takes writes. A data folder
 * that last ran on another port names a member that no longer exists; its configuration is rewritten.
 */
export async function ensurePrimary(port: number): Promise<void> {
  const host = `${LOOPBACK}:${port}`;
  await withDirectClient(`mongodb://${host}/?directConnection=true`, async (command) => {
    const hello = await command({ hello: 1 });
    if (hello['isWritablePrimary'] === true && hello['me'] === host) return;
    await configure(command, host);
    const after = await command({ hello: 1 });
    if (after['isWritablePrimary'] !== true) throw new Error('the replica set has no primary yet');
  });
}

/** Resolves when a MongoDB behind a connection string answers. */
export async function pingMongo(uri: string): Promise<void> {
  await withDirectClient(uri, async (command) => command({ ping: 1 }));
}

type Command = (command: Document) => Promise<Document>;

async function configure(command: Command, host: string): Promise<void> {
  const members = [{ _id: 0, host }];
  try {
    const { config } = (await command({ replSetGetConfig: 1 })) as {
      config: { members: { host: string }[]; version: number };
    };
    if (config.members[0]?.host === host) return;
    await command({ replSetReconfig: { ...config, members, version: config.version + 1 }, force: true });
  } catch (error) {
    const uninitialized =
      error instanceof MongoServerError &&
      [NOT_YET_INITIALIZED, INVALID_REPLICA_SET_CONFIG].includes(Number(error.code));
    if (!uninitialized) throw error;
    await command({ replSetInitiate: { _id: REPLICA_SET, members } });
  }
}

async function withDirectClient(uri: string, body: (command: Command) => Promise<unknown>): Promise<void> {
  const client = new MongoClient(uri, {
    serverSelectionTimeoutMS: ANSWER_TIMEOUT_MS,
    connectTimeoutMS: ANSWER_TIMEOUT_MS,
    socketTimeoutMS: ANSWER_TIMEOUT_MS,
  });
  try {
    await client.connect();
    await body(async (command) => client.db('admin').command(command));
  } finally {
    await client.close();
  }
}
