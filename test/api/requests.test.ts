import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from 'node:net';
import { startApi } from '../../api/server.js';
import { DomainError } from '../../domain/errors.js';
import { leaveRecords } from '../support/api-records.js';
import { type ApiReply, type ApiWorld, openApiWorld } from '../support/api-world.js';

const codeOf = ({ status, body }: ApiReply) => [status, body.error?.code];

describe('requests to the control plane', () => {
  let world: ApiWorld;

  beforeAll(async () => {
    world = await openApiWorld();
    await leaveRecords(world.dependencies.stores);
  });
  afterAll(() => world.close());

  describe('that are repeated', () => {
    const create = (name: string, key: string) =>
      world.call('post', '/v1/keys', { body: { name, role: 'viewer' }, headers: { 'idempotency-key': key } });

    it('are answered as the first time, without the secret', async () => {
      const { key, ...first } = (await create('robot', 'once')).body;
      expect(key).toMatch(/^prn_/);
      const second = await create('robot', 'once');
      expect([second.status, second.body]).toEqual([201, first]);
    });

    it('are done once when they come at the same moment', async () => {
      const replies = await Promise.all(Array.from({ length: 5 }, () => create('twin', 'together')));
      expect(new Set(replies.map(({ body }) => body['keyId'])).size).toBe(1);
      expect(replies.filter(({ body }) => 'key' in body)).toHaveLength(1);
      const listed = (await world.call('get', '/v1/keys')).body['items'] as { name: string }[];
      expect(listed.filter(({ name }) => name === 'twin')).toHaveLength(1);
    });

    it('are refused when the key was used for another body, path or query', async () => {
      await create('one', 'mine');
      expect(codeOf(await create('other', 'mine'))).toEqual([422, 'PRN_IDEMPOTENCY_MISMATCH']);
      const headers = { 'idempotency-key': 'mine' };
      expect(codeOf(await world.call('post', '/v1/alerts/alert-1/acknowledgements', { headers }))).toEqual([
        422,
        'PRN_IDEMPOTENCY_MISMATCH',
      ]);
      const [entity] = ((await world.call('get', '/v1/resources/entities')).body['items'] as { name: string }[]).slice(
        0,
        1,
      );
      const { resource } = (await world.call('get', `/v1/resources/Entity/${entity?.name ?? ''}`)).body;
      const apply = (revision: number) =>
        world.call('put', `/v1/resources?expectedRevision=${revision}`, {
          body: resource,
          headers: { 'idempotency-key': 'apply' },
        });
      expect((await apply(1)).status).toBe(200);
      expect(codeOf(await apply(2))).toEqual([422, 'PRN_IDEMPOTENCY_MISMATCH']);
    });

    it('may reuse the key of somebody else', async () => {
      const acknowledge = (role: 'admin' | 'operator') =>
        world.call('post', '/v1/alerts/alert-1/acknowledgements', { role, headers: { 'idempotency-key': 'shared' } });
      expect((await acknowledge('operator')).status).toBe(200);
      expect((await acknowledge('admin')).status).toBe(200);
    });
  });

  it('are told what does not fit', async () => {
    const refused = async (...args: Parameters<ApiWorld['call']>) => codeOf(await world.call(...args));
    expect(await refused('put', '/v1/resources', { body: [{ kind: 'Dataset' }] })).toEqual([
      400,
      'PRN_RESOURCE_INVALID',
    ]);
    expect(await refused('get', '/v1/nothing')).toEqual([404, 'PRN_REQUEST_UNKNOWN_ROUTE']);
    expect(await refused('get', '/v1/models/%E0%A4%A')).toEqual([400, 'PRN_REQUEST_INVALID']);
    expect(await refused('get', '/v1/alerts?endpoint[$ne]=x&endpoint=a&endpoint=b')).toEqual([
      400,
      'PRN_REQUEST_INVALID',
    ]);
    expect(await refused('get', '/v1/alerts?limit=0')).toEqual([400, 'PRN_REQUEST_INVALID']);
    expect(await refused('get', '/v1/alerts?after=nobody')).toEqual([400, 'PRN_REQUEST_INVALID']);
    expect(await refused('get', '/v1/models/flight-delay/champion?at=yesterday')).toEqual([400, 'PRN_TIME_INVALID']);
    expect(await refused('post', '/v1/keys', { body: { name: 'x'.repeat(3_000_000) } })).toEqual([
      413,
      'PRN_REQUEST_TOO_LARGE',
    ]);
    const authorization = `Bearer ${world.keys.admin}`;
    const headers = { authorization, 'content-type': 'application/json' };
    const statusOf = async (body: string) =>
      (await fetch(`${world.url}/v1/resources:diff`, { method: 'POST', headers, body })).status;
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const entity = '"apiVersion":"perennial/v1","kind":"Entity","metadata":{"name":"x"},"spec"';
    expect([await statusOf('{'), await statusOf(deep), await statusOf(`{${entity}:${deep}}`)]).toEqual([400, 400, 400]);
    const { resource } = (await world.call('get', '/v1/resources/Model/flight-delay')).body;
    expect(await refused('put', '/v1/resources', { body: resource, headers: { 'if-match': '"0"' } })).toEqual([
      409,
      'PRN_RESOURCE_CONFLICT',
    ]);
    expect(world.internalErrors).toEqual([]);
  });

  it('walk through a list page by page and meet each item once', async () => {
    const seen: unknown[] = [];
    for (let after = ''; ;) {
      const { body } = await world.call('get', `/v1/audit?limit=4${after}`);
      seen.push(...(body['items'] as { scope: string; seq: number }[]).map(({ scope, seq }) => `${scope}:${seq}`));
      if (body['next'] === null) break;
      after = `&after=${encodeURIComponent(body['next'] as string)}`;
    }
    const whole = (await world.call('get', '/v1/audit?limit=1000')).body['items'] as { scope: string; seq: number }[];
    expect(seen).toEqual(whole.map(({ scope, seq }) => `${scope}:${seq}`));
    expect(seen.length).toBeGreaterThan(8);
  });

  it('that are never finished do not keep the process from stopping', async () => {
    const api = await startApi({ ...world.dependencies, host: '127.0.0.1', port: 0 });
    const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
    socket.on('error', () => undefined).resume();
    await new Promise<void>((resolve) =>
      socket.write('POST /v1/keys HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n', () => resolve()),
    );
    const cut = new Promise((resolve) => socket.on('close', resolve));
    await api.close();
    await cut;
  });

  it('keep a decision when Temporal cannot hear of it', async () => {
    const deaf = await openApiWorld({
      workflows: {
        ...world.dependencies.workflows,
        decide: () => Promise.reject(new DomainError('PRN_UNAVAILABLE', { what: 'Temporal', reason: 'test' })),
      },
    });
    try {
      await leaveRecords(deaf.dependencies.stores);
      const body = { decision: 'approve', reason: 'looks right', decisionId: 'mine' };
      const first = await deaf.call('post', '/v1/approvals/second/decisions', { role: 'approver', body });
      expect(first).toMatchObject({ status: 201, body: { actor: 'approver', because: null, signalled: false } });
      const again = await deaf.call('post', '/v1/approvals/second/decisions', { role: 'approver', body });
      expect(again.body).toEqual(first.body);
      const other = { ...body, decision: 'reject', reason: 'looks wrong' };
      for (const [role, sent] of [
        ['approver', other],
        ['admin', body],
      ] as const)
        expect(codeOf(await deaf.call('post', '/v1/approvals/second/decisions', { role, body: sent }))).toEqual([
          400,
          'PRN_REQUEST_INVALID',
        ]);
      const { body: read } = await deaf.call('get', '/v1/approvals/second');
      expect(read).toMatchObject({ verdict: { outcome: 'approved', approvedBy: ['approver'] } });
    } finally {
      await deaf.close();
    }
  });
});
