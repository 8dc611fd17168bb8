import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureAdminKey, keyDigest } from '../../api/auth.js';
import { pathParameters } from '../../api/route.js';
import { allRoutes } from '../../api/routes/index.js';
import { mayDo, Role } from '../../domain/access.js';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ApiWorld, openApiWorld } from '../support/api-world.js';

describe('access to the control plane', () => {
  let world: ApiWorld;

  beforeAll(async () => {
    world = await openApiWorld();
  });
  afterAll(() => world.close());

  it('lets each role do exactly what it may, on every route', async () => {
    const wrong: string[] = [];
    for (const { method, path: template, action } of allRoutes(world.dependencies)) {
      const path = pathParameters(template).reduce(
        (text, name) => text.replace(`:${name}`, `no-such-${name}`),
        template,
      );
      const body = method === 'get' ? undefined : {};
      if ((await world.call(method, path, { role: null, body })).status !== 401)
        wrong.push(`${method} ${path}: no key`);
      for (const role of Role.options) {
        const { status } = await world.call(method, path, { role, body });
        if ((status === 403) === mayDo(role, action) || status >= 500)
          wrong.push(`${method} ${path} ${role}: ${status}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(world.internalErrors).toEqual([]);
  });

  it('knows who may do what: a wall of roles by actions', () => {
    const may = (role: Role) =>
      (['read', 'contribute', 'approve', 'triage', 'operate', 'administer'] as const).filter((action) =>
        mayDo(role, action),
      );
    expect(Object.fromEntries(Role.options.map((role) => [role, may(role)]))).toEqual({
      viewer: ['read'],
      contributor: ['read', 'contribute', 'triage'],
      approver: ['read', 'approve', 'triage'],
      operator: ['read', 'contribute', 'triage', 'operate'],
      admin: ['read', 'contribute', 'approve', 'triage', 'operate', 'administer'],
    });
  });

  it('no longer lets a revoked key in', async () => {
    const created = await world.call('post', '/v1/keys', { body: { name: 'leaver', role: 'viewer' } });
    const headers = { authorization: `Bearer ${String(created.body['key'])}` };
    expect((await world.call('get', '/v1/models', { role: null, headers })).status).toBe(200);
    await world.call('delete', `/v1/keys/${String(created.body['keyId'])}`);
    const after = await world.call('get', '/v1/models', { role: null, headers });
    expect([after.status, after.body.error?.code]).toEqual([401, 'PRN_AUTH_INVALID']);
  });

  it('says in the audit record who made and who revoked a key, and lets no name pose as a process or as two lines', async () => {
    const { body: boss } = await world.call('post', '/v1/keys', { body: { name: 'boss', role: 'admin' } });
    const headers = { authorization: `Bearer ${String(boss['key'])}` };
    const created = await world.call('post', '/v1/keys', {
      role: null,
      headers,
      body: { name: 'mira', role: 'viewer' },
    });
    const keyId = String(created.body['keyId']);
    await world.call('delete', `/v1/keys/${keyId}`, { role: null, headers });
    const { items } = (await world.call('get', '/v1/audit?scope=system&limit=2')).body as { items?: unknown[] };
    expect(items).toMatchObject([
      { actor: 'boss', action: 'key.revoked', subject: keyId },
      { actor: 'boss', action: 'key.created', subject: keyId, details: { name: 'mira', role: 'viewer' } },
    ]);
    for (const name of ['pipeline', 'a\nb', ' mira', 'mira\u001b[2K', '']) {
      const { status } = await world.call('post', '/v1/keys', { body: { name, role: 'viewer' } });
      expect([name, status]).toEqual([name, 400]);
    }
    for (const name of ['Mira Õun', 'mira.oun@example.org', 'ci-robot 2']) {
      const { status } = await world.call('post', '/v1/keys', { body: { name, role: 'viewer' } });
      expect([name, status]).toEqual([name, 201]);
    }
  });

  it('leaves one valid admin key in the file, private to its owner', async () => {
    const { keys } = world.dependencies.stores;
    const folder = await mkdtemp(join(tmpdir(), 'perennial-test-'));
    const file = join(folder, 'admin-key');
    try {
      await ensureAdminKey(keys, file, 1);
      const minted = (await readFile(file, 'utf8')).trim();
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      expect(await keys.keyByDigest(keyDigest(minted))).toMatchObject({ role: 'admin', revoked: false });
      await ensureAdminKey(keys, file, 2);
      expect((await readFile(file, 'utf8')).trim()).toBe(minted);
      // A key of a database that is gone must not lock its owner out.
      await writeFile(file, 'prn_from-another-database\n');
      await ensureAdminKey(keys, file, 3);
      expect((await readFile(file, 'utf8')).trim()).not.toBe('prn_from-another-database');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
