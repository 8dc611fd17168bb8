import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { SEARCH_ATTRIBUTES } from '../../domain/search-attributes.js';
import { httpCheck } from './health.js';
import { LOOPBACK } from './ports.js';
import { ensurePrimary } from './replica-set.js';
import type { ProcessSpec } from './supervised-process.js';

/** What both engines need to know to be started. */
export interface EngineSpecInput {
  readonly binary: string;
  readonly dataDir: string;
  readonly logPath: string;
}

/** Loopback ports of the Temporal development server; no `ui` port means no Web UI. */
export interface TemporalPorts {
  readonly grpc: number;
  readonly http: number;
  readonly metrics: number;
  readonly ui: number | undefined;
}

/** A one-node MongoDB replica set on loopback. */
export function mongodSpec({ binary, dataDir, logPath }: EngineSpecInput, port: number): ProcessSpec {
  const dbPath = join(dataDir, 'mongo');
  mkdirSync(dbPath, { recursive: true });
  return {
    name: 'mongod',
    command: binary,
    args: [
      ['--dbpath', dbPath],
      ['--port', String(port), '--bind_ip', LOOPBACK, '--nounixsocket'],
      ['--replSet', 'rs0', '--oplogSize', '512', '--wiredTigerCacheSizeGB', '0.25'],
      // A worker killed inside a transaction leaves its locks behind until this limit; ours take milliseconds.
      ['--setParameter', 'transactionLifetimeLimitSeconds=5'],
      // MongoDB 6.0.5 predates the fix of a memory leak in zlib decompression: no compressors, and loopback only.
      ['--networkMessageCompressors', 'disabled', '--setParameter', 'diagnosticDataCollectionEnabled=false'],
    ].flat(),
    env: process.env,
    cwd: dataDir,
    logPath,
    address: `${LOOPBACK}:${port}`,
    healthUrl: null,
    isHealthy: async () => ensurePrimary(port),
    startTimeoutMs: 60_000,
    stopGraceMs: 20_000,
  };
}

/** The Temporal development server with its database in the data folder and our search attributes registered. */
export function temporalSpec({ binary, dataDir, logPath }: EngineSpecInput, ports: TemporalPorts): ProcessSpec {
  const attributes = Object.entries(SEARCH_ATTRIBUTES).flatMap(([name, type]) => [
    '--search-attribute',
    `${name}=${type}`,
  ]);
  const ui = ports.ui === undefined ? ['--headless'] : ['--ui-ip', LOOPBACK, '--ui-port', String(ports.ui)];
  const healthUrl = temporalHealthUrl(ports.http);
  return {
    name: 'temporal',
    command: binary,
    args: [
      ['server', 'start-dev', '--ip', LOOPBACK, '--log-level', 'warn'],
      ['--port', String(ports.grpc), '--http-port', String(ports.http), '--metrics-port', String(ports.metrics)],
      ['--db-filename', join(dataDir, 'temporal.db')],
      ['--sqlite-pragma', 'journal_mode=wal', '--sqlite-pragma', 'synchronous=normal'],
      ui,
      attributes,
    ].flat(),
    env: process.env,
    cwd: dataDir,
    logPath,
    address: `${LOOPBACK}:${ports.grpc}`,
    healthUrl,
    isHealthy: httpCheck(healthUrl),
    startTimeoutMs: 60_000,
    stopGraceMs: 15_000,
  };
}

/** Counting workflows by every search attribute at once answers 200 only when namespace and attributes exist. */
function temporalHealthUrl(httpPort: number): string {
  const query = Object.keys(SEARCH_ATTRIBUTES)
    .map((name) => `${name} is null`)
    .join(' and ');
  const path = `/api/v1/namespaces/default/workflow-count?query=${encodeURIComponent(query)}`;
  return `http://${LOOPBACK}:${httpPort}${path}`;
}
