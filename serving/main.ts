/** Composition root of the serving process. */
import { join } from 'node:path';
import { pino } from 'pino';
import { openFileArtifacts } from '../store/artifacts/file.js';
import { sha256Hex } from '../store/contracts/digests.js';
import { openTableEngine } from '../store/tables/engine.js';
import { openDatabase } from '../store/mongo/database.js';
import { createStores } from '../store/mongo/stores.js';
import { readServingConfig } from './config.js';
import { startServing } from './server.js';

const config = readServingConfig(process.env);
const log = pino({ name: 'serving', level: config.PERENNIAL_LOG_LEVEL });
const now = (): number => Date.now() * 1_000;

const database = await openDatabase({ uri: config.MONGODB_URI, database: config.PERENNIAL_DATABASE });
const stores = createStores(database, {
  artifacts: openFileArtifacts(join(config.PERENNIAL_DATA, 'artifacts')),
  now,
  sha256Hex,
});
const serving = await startServing({
  stores,
  host: config.host,
  port: config.PERENNIAL_SERVING_PORT,
  auth: config.auth,
  now,
  featureCache: {
    maxStaleMs: config.PERENNIAL_FEATURE_CACHE_MS,
    maxEntries: config.PERENNIAL_FEATURE_CACHE_ENTRIES,
  },
  openTables: () =>
    openTableEngine({
      dataDirectories: [config.PERENNIAL_DATA],
      spillDirectory: join(config.PERENNIAL_DATA, 'serving-spill'),
      memoryLimit: '256MB',
      threads: 1,
    }),
  onProblem: (what, error) => log.error({ err: error }, `problem with ${what}`),
});
log.info({ url: serving.url, instanceId: serving.instanceId, auth: config.auth }, 'serving');

let stopping = false;
const stop = (signal: NodeJS.Signals): void => {
  if (stopping) return;
  stopping = true;
  log.info({ signal }, 'stopping');
  serving
    .close()
    .then(() => database.close())
    .then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'could not stop cleanly');
        process.exit(1);
      },
    );
};
process.on('SIGTERM', stop);
process.on('SIGINT', stop);
