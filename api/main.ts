/** Composition root of the API process. It listens at once and answers 503 until its engines can be reached. */
import { mkdir } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { dirname, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { pino } from 'pino';
import { openFileArtifacts } from '../store/artifacts/file.js';
import { sha256Hex } from '../store/contracts/digests.js';
import { type Database, openDatabase } from '../store/mongo/database.js';
import type { TableEngine } from '../store/contracts/tables.js';
import { createStores } from '../store/mongo/stores.js';
import { openTableEngine } from '../store/tables/engine.js';
import { quarantineRows } from '../store/tables/quarantine-rows.js';
import { createApp, createWaitingApp } from './app.js';
import { ensureAdminKey } from './auth.js';
import { readApiConfig } from './config.js';
import type { ApiObservers, RequestFacts } from './dependencies.js';
import { listen } from './server.js';
import { createWorkflowGateway } from './workflow-gateway.js';

const RETRY_MS = 1_000;

const config = readApiConfig(process.env);
const log = pino({ name: 'api', level: config.PERENNIAL_LOG_LEVEL });
const now = (): number => Date.now() * 1_000;
const observers: ApiObservers = {
  onInternalError: (error, requestId) => log.error({ err: error, requestId }, 'internal error'),
  onRequest: logRequest,
};
const stopping = new AbortController();
let waitingBecause = 'still connecting';
let handle: RequestListener = createWaitingApp({ ...observers, what: 'MongoDB', reason: () => waitingBecause });
let database: Database | null = null;
let tables: Promise<TableEngine> | null = null;
const folders = {
  artifacts: resolve(config.PERENNIAL_DATA, 'artifacts'),
  spill: resolve(config.PERENNIAL_DATA, 'spill'),
};

// Lazy: the process starts and answers 503 while Temporal is away.
const connection = Connection.lazy({ address: config.TEMPORAL_ADDRESS });
const api = await listen({ host: config.PERENNIAL_HOST, port: config.PERENNIAL_API_PORT }, (request, response) =>
  handle(request, response),
);
log.info({ url: api.url }, 'listening');
process.on('SIGTERM', stop);
process.on('SIGINT', stop);

database = await untilDatabase();
if (database !== null) handle = await openControlPlane(database);

async function openControlPlane({ db, ...rest }: Database): Promise<RequestListener> {
  const artifacts = openFileArtifacts(folders.artifacts);
  const stores = createStores(
    { db, ...rest },
    {
      artifacts,
      now,
      sha256Hex,
    },
  );
  await mkdir(dirname(config.PERENNIAL_ADMIN_KEY_FILE), { recursive: true, mode: 0o700 });
  await ensureAdminKey(stores.keys, config.PERENNIAL_ADMIN_KEY_FILE, now());
  const client = new Client({ connection, namespace: config.TEMPORAL_NAMESPACE });
  const workflows = createWorkflowGateway(client, config.PERENNIAL_TIMING);
  const isDatabaseReachable = (): Promise<boolean> =>
    db.command({ ping: 1 }, { timeoutMS: 2_000 }).then(
      () => true,
      () => false,
    );
  log.info('ready');
  const uploadMaxBytes = config.PERENNIAL_UPLOAD_MAX_BYTES;
  const rows = quarantineRows(openTables, artifacts);
  return createApp({
    ...observers,
    stores,
    quarantineRows: rows,
    workflows,
    uploadMaxBytes,
    eventStreamLimit: config.PERENNIAL_EVENT_STREAM_LIMIT,
    now,
    isDatabaseReachable,
  });
}

/** Only for pages of quarantined rows, and many installations never ask for one: so at the first, and small. */
function openTables(): Promise<TableEngine> {
  tables ??= openTableEngine({
    dataDirectories: [folders.artifacts],
    spillDirectory: folders.spill,
    memoryLimit: '256MB',
    threads: 1,
  });
  return tables;
}

/** Connects as soon as MongoDB answers; null when the process is told to stop before. */
async function untilDatabase(): Promise<Database | null> {
  const { signal } = stopping;
  while (!signal.aborted) {
    try {
      return await openDatabase({ uri: config.MONGODB_URI, database: config.PERENNIAL_DATABASE });
    } catch (error) {
      waitingBecause = error instanceof Error ? error.message : String(error);
      log.warn({ reason: waitingBecause }, 'MongoDB cannot be reached; trying again');
      await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  }
  return null;
}

/** Changes are worth a line each; reads, most of them polls, only when somebody asks for details. */
function logRequest(facts: RequestFacts): void {
  const level = facts.status >= 500 ? 'warn' : facts.method === 'GET' ? 'debug' : 'info';
  log[level](facts, 'request');
}

function stop(signal: NodeJS.Signals): void {
  if (stopping.signal.aborted) return;
  stopping.abort();
  log.info({ signal }, 'stopping');
  api
    .close()
    .then(() => Promise.all([connection.close(), database?.close()]))
    .then(
      () => process.exit(0),
      () => process.exit(1),
    );
}
