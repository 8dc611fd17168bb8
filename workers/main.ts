/** Composition root of a worker process: connections, stores, compute pool, and one Temporal worker per queue. */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import { pino } from 'pino';
import { TASK_QUEUES } from '../domain/ids.js';
import { openFileArtifacts } from '../store/artifacts/file.js';
import { sha256Hex } from '../store/contracts/digests.js';
import { openDatabase } from '../store/mongo/database.js';
import { createStores } from '../store/mongo/stores.js';
import { openTableEngine } from '../store/tables/engine.js';
import { type ActivityDependencies, createComputeActivities, createIoActivities } from './activities.js';
import { createComputePool } from './compute/pool.js';
import { runJobInActivity } from './compute/run-in-activity.js';
import { readWorkerConfig, type WorkerConfig } from './config.js';
import { createFailpoints } from './failpoints.js';
import { serveHealth } from './health.js';
import { activityInterceptors } from './interceptors.js';
import { createCommandPort } from './ports/command-process.js';
import { servingKey } from './ports/serving-key.js';
import { createServingPort } from './ports/serving-port.js';
import { createWorkflowPort } from './ports/workflow-port.js';
import { registerSearchAttributes } from './search-attributes.js';
import { loadWorkflowBundle } from './workflow-bundle.js';

const config = readWorkerConfig(process.env);
const log = pino({ name: 'worker', level: config.PERENNIAL_LOG_LEVEL });
const timing = config.PERENNIAL_TIMING;
const now = (): number => Date.now() * 1_000;
const failpoints = createFailpoints(config.PERENNIAL_FAILPOINT, timing);

const folders = {
  artifacts: resolve(config.PERENNIAL_DATA, 'artifacts'),
  spill: resolve(config.PERENNIAL_DATA, 'spill'),
};
for (const folder of [folders.artifacts, folders.spill, join(folders.artifacts, 'scratch')])
  mkdirSync(folder, { recursive: true, mode: 0o700 });
const sourceFolders =
  config.PERENNIAL_SOURCES === '' ? [resolve(config.PERENNIAL_DATA, 'landing')] : config.PERENNIAL_SOURCES.split(':');

Runtime.install({ logger: temporalLogger(), shutdownSignals: ['SIGTERM', 'SIGINT'] });
const database = await openDatabase({ uri: config.MONGODB_URI, database: config.PERENNIAL_DATABASE });
const stores = createStores(database, {
  artifacts: openFileArtifacts(folders.artifacts),
  now,
  sha256Hex,
  failpoint: failpoints.reach,
});
const tables = await openTableEngine({
  dataDirectories: [folders.artifacts],
  spillDirectory: folders.spill,
  memoryLimit: '512MB',
});
const pool = createComputePool({
  size: config.PERENNIAL_COMPUTE_THREADS,
  environment: {
    artifactFolder: folders.artifacts,
    spillFolder: folders.spill,
    readableFolders: [],
    tableMemoryMb: 2_048,
    tableThreads: 2,
    mongodb: { uri: config.MONGODB_URI, database: config.PERENNIAL_DATABASE },
  },
  ...(timing === 'test' && { cancelGraceMs: 500 }),
});
const connection = await Connection.connect({ address: config.TEMPORAL_ADDRESS });
await registerSearchAttributes(connection, config.TEMPORAL_NAMESPACE);
const client = new Client({ connection, namespace: config.TEMPORAL_NAMESPACE });
const nativeConnection = await NativeConnection.connect({ address: config.TEMPORAL_ADDRESS });

const workers = await createWorkers(config, {
  stores,
  tables,
  workflows: createWorkflowPort(client, timing),
  serving: createServingPort(
    config.PERENNIAL_SERVING_URL,
    servingKey({ key: config.PERENNIAL_API_KEY, file: config.PERENNIAL_ADMIN_KEY_FILE }),
  ),
  runJob: runJobInActivity(pool, timing === 'test' ? 1_000 : undefined),
  sources: {
    sourceFolders,
    privateFolder: resolve(config.PERENNIAL_DATA),
    sourceHosts: config.PERENNIAL_SOURCE_HOSTS,
    limits: { maxBytes: config.PERENNIAL_SOURCE_MAX_BYTES, maxSeconds: config.PERENNIAL_SOURCE_MAX_SECONDS },
  },
  external: {
    commands: createCommandPort(config.PERENNIAL_TRAINER_COMMANDS),
    apiUrl: config.PERENNIAL_API_URL ?? null,
    stalledAfterMs: config.PERENNIAL_TRAINER_STALLED_SECONDS * 1_000,
    mintToken: () => randomBytes(32).toString('base64url'),
  },
  now,
});
const health = await serveHealth(config.PERENNIAL_WORKER_HEALTH_PORT, () => workers);
log.info({ queues: config.PERENNIAL_QUEUES, timing, computeThreads: config.PERENNIAL_COMPUTE_THREADS }, 'working');

try {
  await Promise.all(workers.map((worker) => worker.run()));
} finally {
  health.close();
  await pool.close();
  await tables.close();
  await nativeConnection.close();
  await connection.close();
  await database.close();
}
log.info('stopped');

async function createWorkers(settings: WorkerConfig, dependencies: ActivityDependencies): Promise<Worker[]> {
  const identity = (queue: string): string => `perennial-${queue}@${hostname()}:${process.pid}`;
  const common = {
    connection: nativeConnection,
    namespace: settings.TEMPORAL_NAMESPACE,
    shutdownGraceTime: timing === 'test' ? '1s' : '15s',
    shutdownForceTime: timing === 'test' ? '5s' : '25s',
    ...(timing === 'test' && { stickyQueueScheduleToStartTimeout: '500ms' as const }),
    interceptors: { activity: [activityInterceptors(failpoints)] },
  } satisfies Partial<WorkerOptions>;
  const byQueue: Record<keyof typeof TASK_QUEUES, () => Promise<Worker>> = {
    orchestration: async () =>
      Worker.create({
        ...common,
        identity: identity('orchestration'),
        taskQueue: TASK_QUEUES.orchestration,
        workflowBundle: await loadWorkflowBundle(),
      }),
    io: () =>
      Worker.create({
        ...common,
        identity: identity('io'),
        taskQueue: TASK_QUEUES.io,
        activities: createIoActivities(dependencies),
        maxConcurrentActivityTaskExecutions: 50,
      }),
    compute: () =>
      Worker.create({
        ...common,
        identity: identity('compute'),
        taskQueue: TASK_QUEUES.compute,
        activities: createComputeActivities(dependencies),
        maxConcurrentActivityTaskExecutions: settings.PERENNIAL_COMPUTE_THREADS,
        maxHeartbeatThrottleInterval: '2s',
      }),
  };
  return Promise.all(settings.PERENNIAL_QUEUES.map((queue) => byQueue[queue]()));
}

/** Temporal's own messages in our log, with its levels mapped to ours. */
function temporalLogger() {
  const write =
    (level: 'trace' | 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, meta?: Record<string | symbol, unknown>) => {
      log[level]({ ...meta }, message);
    };
  return {
    log: (level: string, message: string, meta?: Record<string | symbol, unknown>) =>
      write(level === 'ERROR' ? 'error' : level === 'WARN' ? 'warn' : 'info')(message, meta),
    trace: write('trace'),
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  };
}
