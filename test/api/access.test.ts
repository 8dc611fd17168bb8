import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKey } from '../../api/auth.js';
import type { ApiDependencies } from '../../api/dependencies.js';
import { allRoutes } from '../../api/routes/index.js';
import { type Api, startApi } from '../../api/server.js';
import { createWorkflowGateway } from '../../api/workflow-gateway.js';
import { mayDo, Role } from '../../domain/access.js';
import { openFileArtifacts } from '../../store/artifacts/file.js';
import { type Database, openDatabase } from '../../store/mongo/database.js';
import { createStores } from '../../store/mongo/stores.js';
import { openTestDatabase, type TestDatabase } from '../support/mongo.js';
import { openTestTemporal, type TestTemporal } from '../support/temporal.js';

describe('the control plane', () => {
  let folder: string;
  let test: TestDatabase;
  let database: Database;
  let temporal: TestTemporal;
  let api: Api;
  let dependencies: ApiDependencies;
  const keys = new Map<Role, string>();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'perennial-test-'));
    test = await openTestDatabase();
    database = await openDatabase({ uri: test.uri, database: test.name });
    temporal = await openTestTemporal();
    const now = (): number => Date.now() * 1_000;
    const stores = createStores(database, {
      artifacts: openFileArtifacts(folder),
      now,
      sha256Hex: (text) => createHash('sha256').update(text).digest('hex'),
    });
    for (const role of Role.options)
      keys.set(role, (await createKey(stores.keys, { name: role, role, now: now() })).key);
    dependencies = {
      stores,
      workflows: createWorkflowGateway(temporal.client, 'test'),
      now,
      isDatabaseReachable: () => Promise.resolve(true),
      onInternalError: (error) => {
        throw error;
      },
      onRequest: () => undefined,
    };
    api = await startApi({ ...dependencies, host: '127.0.0.1', port: 0 });
  });

  afterAll(async () => {
    await api.close();
    await temporal.close();
    await database.close();
    await test.drop();
    await rm(folder, { recursive: true, force: true });
  });

  const call = async (
    method: string,
    path: string,
    options: { role?: Role; body?: unknown; headers?: Record<string, string> } = {},
  ) => {
    const headers = {
      ...(options.role && { authorization: `Bearer ${keys.get(options.role) ?? ''}` }),
      'content-type': 'application/json',
      ...options.headers,
    };
    const response = await fetch(`${api.url}${path}`, {
      method: method.toUpperCase(),
      headers,
      ...(options.body !== undefined && { body: JSON.stringify(options.body) }),
    });
    return {
      status: response.status,
      body: (await response.json()) as { error?: { code: string; message: string } } & Record<string, unknown>,
    };
  };

  it('lets each role do exactly what it may, on every route', async () => {
    const wrong: string[] = [];
    for (const route of allRoutes(dependencies)) {
      const path = route.path.replace(/:(\w+)/g, (match, name: string, at: number) =>
        route.path[at - 1] === '/' ? `no-such-${name}` : match,
      );
      if ((await call(route.method, path)).status !== 401) wrong.push(`${route.method} ${path} without a key`);
      for (const role of Role.options) {
        const { status } = await call(route.method, path, { role, ...(route.method !== 'get' && { body: {} }) });
        const forbidden = status === 403;
        if (forbidden === mayDo(role, route.action) || status >= 500)
          wrong.push(`${route.method} ${path} as ${role}: ${status}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('documents every route', async () => {
    const document = (await (await fetch(`${api.url}/openapi.json`)).json()) as {
      openapi: string;
      paths: Record<string, Record<string, unknown>>;
    };
    expect(document.openapi).toBe('3.1.0');
    const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    const routes = allRoutes(dependencies).map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`);
    expect(documented.sort()).toEqual(routes.sort());
  });

  it('answers a repeated create with what it answered first, and refuses the key for another request', async () => {
    const headers = { 'idempotency-key': 'once' };
    const create = (name: string) =>
      call('post', '/v1/keys', { role: 'admin', body: { name, role: 'viewer' }, headers });
    const [first, second] = [await create('robot'), await create('robot')];
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.body).toEqual(first.body);
    expect((await create('another')).body.error).toMatchObject({ code: 'PRN_IDEMPOTENCY_MISMATCH' });
  });

  it('says what is wrong with a body, a path and a key', async () => {
    const refused = async (...args: Parameters<typeof call>) => {
      const { status, body } = await call(...args);
      return [status, body.error?.code];
    };
    expect(await refused('put', '/v1/resources', { role: 'admin', body: [{ kind: 'Dataset' }] })).toEqual([
      400,
      'PRN_RESOURCE_INVALID',
    ]);
    expect(await refused('get', '/v1/nothing', { role: 'admin' })).toEqual([404, 'PRN_REQUEST_UNKNOWN_ROUTE']);
    expect(await refused('get', '/v1/models', { headers: { authorization: 'Bearer prn_wrong' } })).toEqual([
      401,
      'PRN_AUTH_INVALID',
    ]);
    const response = await fetch(`${api.url}/v1/keys`, {
      method: 'POST',
      headers: { authorization: `Bearer ${keys.get('admin') ?? ''}`, 'content-type': 'application/json' },
      body: '{',
    });
    expect(response.status).toBe(400);
  });
});
