/** The control plane in this process, on the real engines of the test run, with a key for each role and a clock of its own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiDependencies } from '../../api/dependencies.js';
import { createKey } from '../../api/auth.js';
import { startApi } from '../../api/server.js';
import { createWorkflowGateway } from '../../api/workflow-gateway.js';
import { Role } from '../../domain/access.js';
import { MICROS_PER_SECOND, parseIso } from '../../domain/time.js';
import { openFileArtifacts } from '../../store/artifacts/file.js';
import { sha256Hex } from '../../store/contracts/digests.js';
import { openDatabase } from '../../store/mongo/database.js';
import { createStores } from '../../store/mongo/stores.js';
import { openTableEngine } from '../../store/tables/engine.js';
import { quarantineRows } from '../../store/tables/quarantine-rows.js';
import { openTestDatabase, type TestDatabase } from './mongo.js';
import { openTestTemporal, type TestTemporal } from './temporal.js';

export interface ApiReply {
  readonly status: number;
  readonly location: string | null;
  readonly body: Record<string, unknown> & { readonly error?: { readonly code: string; readonly message: string } };
}

export interface ApiWorld {
  readonly url: string;
  /** Of its artefacts. */
  readonly folder: string;
  readonly dependencies: ApiDependencies;
  readonly test: TestDatabase;
  readonly temporal: TestTemporal;
  readonly keys: Readonly<Record<Role, string>>;
  /** Errors of ours that the API reported; empty unless something is broken. */
  readonly internalErrors: readonly unknown[];
  /** As `admin` unless told otherwise; `role: null` sends no key. */
  call(
    method: string,
    path: string,
    options?: { role?: Role | null; body?: unknown; headers?: Record<string, string> },
  ): Promise<ApiReply>;
  close(): Promise<void>;
}

/** Far ahead, so that nothing kept for a day expires while a test looks at it. Each reading is a second later. */
export const FIRST_READING = parseIso('2040-01-01T00:00:00Z');

/** Starts an API over an empty database. `overrides` replace what the composition root would give it. */
export async function openApiWorld(overrides: Partial<ApiDependencies> = {}): Promise<ApiWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'perennial-test-'));
  const test = await openTestDatabase();
  const database = await openDatabase({ uri: test.uri, database: test.name });
  const temporal = await openTestTemporal();
  let readings = 0;
  const now = (): number => FIRST_READING + MICROS_PER_SECOND * (readings += 1);
  const artifacts = openFileArtifacts(folder);
  const tables = await openTableEngine({ dataDirectories: [folder], spillDirectory: folder, threads: 1 });
  const stores = createStores(database, {
    artifacts,
    now,
    sha256Hex,
  });
  const internalErrors: unknown[] = [];
  const dependencies: ApiDependencies = {
    stores,
    quarantineRows: quarantineRows(() => Promise.resolve(tables), artifacts),
    workflows: createWorkflowGateway(temporal.client, 'test'),
    uploadMaxBytes: 2 ** 30,
    eventStreamLimit: 3,
    now,
    isDatabaseReachable: () => Promise.resolve(true),
    onInternalError: (error) => void internalErrors.push(error),
    onRequest: () => undefined,
    ...overrides,
  };
  const keys = { viewer: '', contributor: '', approver: '', operator: '', admin: '' };
  for (const role of Role.options)
    keys[role] = (await createKey(stores.keys, { name: role, role, by: 'test', now: FIRST_READING })).key;
  const api = await startApi({ ...dependencies, host: '127.0.0.1', port: 0 });
  return {
    url: api.url,
    folder,
    dependencies,
    test,
    temporal,
    keys,
    internalErrors,
    async call(method, path, { role = 'admin', body, headers } = {}) {
      const response = await fetch(`${api.url}${path}`, {
        method: method.toUpperCase(),
        headers: {
          ...(role !== null && { authorization: `Bearer ${keys[role]}` }),
          'content-type': 'application/json',
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const answer = (await response.json()) as ApiReply['body'];
      return { status: response.status, location: response.headers.get('location'), body: answer };
    },
    async close() {
      await api.close();
      await tables.close();
      await temporal.close();
      await database.close();
      await test.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
