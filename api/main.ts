/** Composition root of the API process. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { pino } from 'pino';
import { openFileArtifacts } from '../store/artifacts/file.js';
import { openDatabase } from '../store/mongo/database.js';
import { createStores } from '../store/mongo/stores.js';
import { ensureAdminKey } from './auth.js';
import { readApiConfig } from './config.js';
import { startApi } from './server.js';
import { createWorkflowGateway } from './workflow-gateway.js';

const config = readApiConfig(process.env);
const log = pino({ name: 'api', level: config.PERENNIAL_LOG_LEVEL });
const now = (): number => Date.now() * 1_000;

const database = await openDatabase({ uri: config.MONGODB_URI, database: config.PERENNIAL_DATABASE });
const stores = createStores(database, {
  artifacts: openFileArtifacts(join(config.PERENNIAL_DATA, 'artifacts')),
  now,
  sha256Hex: (text) => createHash('sha256').update(text).digest('hex'),
});
await ensureAdminKey(stores.keys, config.PERENNIAL_ADMIN_KEY_FILE, now());
// Lazy: the process starts and answers 503 while Temporal is away.
const connection = Connection.lazy({ address: config.TEMPORAL_ADDRESS });
const client = new Client({ connection, namespace: config.TEMPORAL_NAMESPACE });
const api = await startApi({
  stores,
  workflows: createWorkflowGateway(client, config.PERENNIAL_TIMING),
  now,
  host: config.PERENNIAL_HOST,
  port: config.PERENNIAL_API_PORT,
  isDatabaseReachable: async () => {
    try {
      await database.db.command({ ping: 1 }, { timeoutMS: 2_000 });
      return true;
    } catch {
      return false;
    }
  },
  onInternalError: (error, requestId) => log.error({ err: error, requestId }, 'internal error'),
  onRequest: (facts) => log.debug(facts, 'request'),
});
log.info({ url: api.url }, 'listening');

let stopping = false;
const stop = (signal: NodeJS.Signals): void => {
  if (stopping) return;
  stopping = true;
  log.info({ signal }, 'stopping');
  api
    .close()
    .then(() => Promise.all([connection.close(), database.close()]))
    .then(
      () => process.exit(0),
      () => process.exit(1),
    );
};
process.on('SIGTERM', stop);
process.on('SIGINT', stop);
