import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseEvents, type ReceivedEvent } from '../../cli/event-stream.js';
import { type ApiReply, type ApiWorld, openApiWorld } from '../support/api-world.js';

describe('runs over the API', () => {
  let world: ApiWorld;

  beforeAll(async () => {
    world = await openApiWorld();
  });
  afterAll(() => world.close());

  const codeOf = ({ status, body }: ApiReply): unknown[] => [status, body.error?.code];
  const begin = async (body: object): Promise<string> =>
    String((await world.call('post', '/v1/runs', { body })).body['runId']);
  const log = (runId: string, kind: string, body: object) => world.call('post', `/v1/runs/${runId}/${kind}`, { body });

  it('begin in the experiment they name, are logged to, ended and found', async () => {
    const begun = await world.call('post', '/v1/runs', {
      body: { experiment: 'delay', name: 'first' },
      role: 'contributor',
    });
    const runId = String(begun.body['runId']);
    expect(runId).toMatch(/^[0-9a-f]{32}$/);
    expect(begun).toMatchObject({
      status: 201,
      location: `/v1/runs/${runId}`,
      body: { status: 'RUNNING', userId: 'contributor' },
    });
    const metrics = [
      { key: 'loss', value: 0.5, step: 1, timestampMs: 1_000 },
      { key: 'broken', value: 'NaN', step: 1, timestampMs: 1_000 },
    ];
    await log(runId, 'metrics', { metrics });
    await log(runId, 'params', { params: [{ key: 'depth', value: '6' }] });
    const inputs = [{ name: 'flights', digest: 'abc', sourceType: 'local', source: '/data' }];
    await log(runId, 'inputs', { inputs });
    const ended = await world.call('patch', `/v1/runs/${runId}`, {
      body: { status: 'FINISHED', endTs: '2041-01-01T00:00:00Z' },
    });
    expect(ended.body).toMatchObject({
      status: 'FINISHED',
      endTs: '2041-01-01T00:00:00.000Z',
      metrics: [metrics[1], metrics[0]],
      params: [{ key: 'depth', value: '6' }],
      inputs: [{ ...inputs[0], schema: null, profile: null, tags: [] }],
    });
    const query = new URLSearchParams({
      experiment: 'delay',
      filter: "metrics.loss < 1 AND params.depth = '6'",
      orderBy: 'metrics.loss DESC',
    });
    const found = await world.call('get', `/v1/runs?${query.toString()}`, { role: 'viewer' });
    expect(found.body['items']).toMatchObject([{ runId, name: 'first' }]);
    const history = await world.call('get', `/v1/runs/${runId}/metrics?key=broken`);
    expect(history.body).toEqual({ items: [{ ...metrics[1], seq: 2 }], next: null });
  });

  it('give a long history page by page', async () => {
    const runId = await begin({ experiment: 'pages' });
    const metrics = Array.from({ length: 25 }, (_value, step) => ({
      key: 'a/b',
      value: step,
      step,
      timestampMs: step,
    }));
    await log(runId, 'metrics', { metrics });
    const values: unknown[] = [];
    for (let after = ''; ;) {
      const { body } = await world.call('get', `/v1/runs/${runId}/metrics?key=a%2Fb&limit=10${after}`);
      values.push(...(body['items'] as { value: number }[]).map(({ value }) => value));
      if (body['next'] === null) break;
      after = `&after=${body['next'] as string}`;
    }
    expect(values).toEqual(metrics.map(({ value }) => value));
  });

  it('begin once under one idempotency key', async () => {
    const headers = { 'idempotency-key': 'begin-once' };
    const replies = [1, 2].map(() => world.call('post', '/v1/runs', { body: { experiment: 'once' }, headers }));
    const ids = (await Promise.all(replies)).map(({ body }) => body['runId']);
    expect(ids[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(ids[1]).toBe(ids[0]);
  });

  it('are compared side by side', async () => {
    const [left, right] = [await begin({ name: 'left' }), await begin({ name: 'right' })];
    await log(left, 'metrics', { metrics: [{ key: 'auc', value: 0.7 }] });
    await log(right, 'params', { params: [{ key: 'größe', value: '2' }] });
    const { body } = await world.call('get', `/v1/runs:compare?ids=${left},${right}`);
    expect(body).toMatchObject({
      runs: [{ name: 'left', experimentId: '0' }, { name: 'right' }],
      params: [{ key: 'größe', values: [null, '2'], differs: true }],
      metrics: [{ key: 'auc', values: [0.7, null], differs: true }],
    });
    expect(codeOf(await world.call('get', `/v1/runs:compare?ids=${left},nobody`))).toEqual([404, 'PRN_RUN_NOT_FOUND']);
    const many = Array.from({ length: 51 }, () => left).join(',');
    expect(codeOf(await world.call('get', `/v1/runs:compare?ids=${many}`))).toEqual([400, 'PRN_REQUEST_INVALID']);
  });

  it('nest in a run that there is', async () => {
    const parentRunId = await begin({ experiment: 'nested' });
    const child = await begin({ experiment: 'nested', parentRunId });
    const query = new URLSearchParams({ filter: `tags.\`mlflow.parentRunId\` = '${parentRunId}'` });
    const found = await world.call('get', `/v1/runs?${query.toString()}`);
    expect(found.body['items']).toMatchObject([{ runId: child }]);
    const orphan = await world.call('post', '/v1/runs', { body: { parentRunId: 'nobody' } });
    expect(codeOf(orphan)).toEqual([404, 'PRN_RUN_NOT_FOUND']);
  });

  it('have one writer for as long as it gives signs of life', async () => {
    const runId = await begin({ experiment: 'held' });
    const lease = (body: object) => world.call('post', `/v1/runs/${runId}/leases`, { body });
    const metrics = [{ key: 'a', value: 1 }];
    const first = await lease({ owner: 'left', for: '1h' });
    expect(first).toMatchObject({ status: 200, body: { owner: 'left', epoch: 1 } });
    expect(first.body['untilTs']).toMatch(/^2040-01-01T01/);
    expect(codeOf(await lease({ owner: 'right', for: '1h' }))).toEqual([409, 'PRN_RUN_HELD']);
    expect(codeOf(await log(runId, 'metrics', { metrics }))).toEqual([409, 'PRN_RUN_STALE_WRITER']);
    expect(codeOf(await log(runId, 'metrics', { metrics, epoch: 7 }))).toEqual([409, 'PRN_RUN_STALE_WRITER']);
    expect((await log(runId, 'metrics', { metrics, epoch: 1 })).status).toBe(200);
    // The clock of this world goes on by a second with each reading.
    expect((await lease({ owner: 'left', for: '1s', epoch: 1 })).status).toBe(200);
    for (let reading = 0; reading < 3; reading += 1) await world.call('get', `/v1/runs/${runId}`);
    const lost = (await world.call('get', `/v1/runs/${runId}`)).body;
    expect([lost['status'], lost['cause']]).toEqual([
      'FAILED',
      expect.stringContaining('lost: its writer left gave no sign'),
    ]);
    expect((await lease({ owner: 'right', for: '1h' })).body).toMatchObject({ owner: 'right', epoch: 2 });
    expect(codeOf(await log(runId, 'metrics', { metrics: [{ key: 'b', value: 1 }], epoch: 1 }))).toEqual([
      409,
      'PRN_RUN_STALE_WRITER',
    ]);
  });

  it('have an epoch that counts only for who took the lease, although everybody can read it', async () => {
    const runId = await begin({ experiment: 'held' });
    await world.call('post', `/v1/runs/${runId}/leases`, { body: { owner: 'mine', for: '1h' }, role: 'contributor' });
    const { epoch, actor } = (await world.call('get', `/v1/runs/${runId}`)).body['writer'] as Record<string, unknown>;
    expect([epoch, actor]).toEqual([1, 'contributor']);
    const stale = [409, 'PRN_RUN_STALE_WRITER'];
    const end = { method: 'patch', path: `/v1/runs/${runId}`, body: { status: 'KILLED', epoch } };
    const lease = { method: 'post', path: `/v1/runs/${runId}/leases`, body: { owner: 'mine', for: '1h', epoch } };
    const point = {
      method: 'post',
      path: `/v1/runs/${runId}/metrics`,
      body: { metrics: [{ key: 'a', value: 1 }], epoch },
    };
    for (const { method, path, body } of [point, lease, end])
      expect(codeOf(await world.call(method, path, { body, role: 'operator' }))).toEqual(stale);
    for (const { method, path, body } of [point, lease, end])
      expect((await world.call(method, path, { body, role: 'contributor' })).status).toBe(200);

    const held = await begin({ experiment: 'held' });
    const byPipeline = await world.dependencies.stores.runs.hold(held, { owner: 'attempt 1', forMicros: 60_000_000 });
    const killed = { status: 'KILLED', epoch: byPipeline.epoch };
    expect(codeOf(await world.call('patch', `/v1/runs/${held}`, { body: killed }))).toEqual(stale);
  });

  it('are refused what nobody can keep', async () => {
    const runId = await begin({ experiment: 'refused' });
    const refused = async (kind: string, body: object) => codeOf(await log(runId, kind, body));
    const invalid = [400, 'PRN_REQUEST_INVALID'];
    expect(await refused('tags', { tags: [{ key: 'big', value: 'x'.repeat(10_000_000) }] })).toEqual([
      413,
      'PRN_REQUEST_TOO_LARGE',
    ]);
    expect(await refused('tags', { tags: [{ key: 'big', value: 'x'.repeat(8_001) }] })).toEqual(invalid);
    expect(await refused('tags', { tags: [{ key: 'perennial.gates', value: 'passed' }] })).toEqual(invalid);
    expect(await refused('params', { params: [{ key: 'x'.repeat(251), value: '' }] })).toEqual(invalid);
    expect(await refused('params', { params: [{ key: 'a\0b', value: '' }] })).toEqual(invalid);
    expect(await refused('params', { params: [] })).toEqual(invalid);
    expect(await refused('metrics', { metrics: [{ key: 'a', value: 'nan' }] })).toEqual(invalid);
    expect(await refused('metrics', { metrics: [{ key: 'a', value: 1, step: 1.5 }] })).toEqual(invalid);
    const many = Array.from({ length: 1_001 }, (_value, step) => ({ key: 'a', value: 1, step }));
    expect(await refused('metrics', { metrics: many })).toEqual(invalid);
    const search = async (query: Record<string, string>) =>
      codeOf(await world.call('get', `/v1/runs?${new URLSearchParams(query).toString()}`));
    expect(await search({ filter: 'metrics.a >' })).toEqual([400, 'PRN_RUN_SEARCH_INVALID']);
    expect(await search({ filter: "params.a LIKE 'x\0'" })).toEqual([400, 'PRN_RUN_SEARCH_INVALID']);
    expect(await search({ orderBy: 'params.`a\0`' })).toEqual([400, 'PRN_RUN_SEARCH_INVALID']);
    expect(await search({ orderBy: 'metric' })).toEqual([400, 'PRN_RUN_SEARCH_INVALID']);
    expect(await search({ after: 'rubbish' })).toEqual([400, 'PRN_RUN_PAGE_INVALID']);
    expect(await search({ experiment: 'refusd' })).toEqual([404, 'PRN_EXPERIMENT_NOT_FOUND']);
    expect(codeOf(await world.call('post', '/v1/experiments', { body: { name: 'refused' } }))).toEqual([
      409,
      'PRN_EXPERIMENT_EXISTS',
    ]);
    expect(world.internalErrors).toEqual([]);
  });

  describe('while they go on', () => {
    async function open(runId: string, headers: Record<string, string> = {}) {
      const stop = new AbortController();
      const response = await fetch(`${world.url}/v1/runs/${runId}/events`, {
        headers: { authorization: `Bearer ${world.keys.viewer}`, ...headers },
        signal: stop.signal,
      });
      return { response, events: parseEvents(bodyOf(response)), stop: () => stop.abort() };
    }

    /** Points as (sequence number, value), until the run has ended. */
    async function pointsUntilEnd(events: AsyncIterable<ReceivedEvent>): Promise<{ points: unknown[]; end: unknown }> {
      const points: unknown[] = [];
      for await (const { event, data } of events) {
        if (event === 'metrics')
          points.push(
            ...((data as { points: unknown }).points as { seq: number; value: unknown }[]).map(({ seq, value }) => [
              seq,
              value,
            ]),
          );
        if (event === 'end') return { points, end: data };
      }
      throw new Error('the stream ended before the run');
    }

    it('tell every point and the end, also to who comes back with the last id', async () => {
      const runId = await begin({ experiment: 'live' });
      await log(runId, 'metrics', { metrics: [{ key: 'loss', value: 3 }] });
      const first = await open(runId);
      expect(first.response.headers.get('content-type')).toMatch(/^text\/event-stream/);
      const begun: ReceivedEvent[] = [];
      for await (const event of first.events) {
        begun.push(event);
        if (begun.length === 2)
          await log(runId, 'metrics', {
            metrics: [
              { key: 'loss', value: 2 },
              { key: 'auc', value: 'Infinity' },
            ],
          });
        if (begun.length === 4) break;
      }
      first.stop();
      expect(begun.map(({ id, event }) => `${id} ${event}`)).toEqual(['1 metrics', '1 run', '3 metrics', '3 run']);
      expect(begun[1]?.data).toMatchObject({ runId, status: 'RUNNING', endTs: null });
      await log(runId, 'metrics', { metrics: [{ key: 'loss', value: 1 }] });
      const second = await open(runId, { 'last-event-id': '1' });
      const rest = pointsUntilEnd(second.events);
      await log(runId, 'metrics', { metrics: [{ key: 'loss', value: 0 }] });
      await world.call('patch', `/v1/runs/${runId}`, { body: { status: 'KILLED', cause: 'enough' } });
      expect(await rest).toEqual({
        points: [
          [2, 2],
          [3, 'Infinity'],
          [4, 1],
          [5, 0],
        ],
        end: { status: 'KILLED', cause: 'enough' },
      });
    });

    it('end for a run whose writer is gone', async () => {
      const runId = await begin({ experiment: 'live' });
      await world.call('post', `/v1/runs/${runId}/leases`, { body: { owner: 'gone', for: '3s' } });
      const { events } = await open(runId);
      expect((await pointsUntilEnd(events)).end).toMatchObject({
        status: 'FAILED',
        cause: expect.stringContaining('lost: '),
      });
    });

    it('tell as many listeners as the process may have, and the next one as soon as one leaves', async () => {
      const runId = await begin({ experiment: 'live' });
      const listeners = [await open(runId), await open(runId), await open(runId)];
      const busy = await open(runId);
      expect([busy.response.status, busy.response.headers.get('retry-after')]).toEqual([503, '1']);
      listeners.at(0)?.stop();
      let status = 503;
      for (let attempt = 0; attempt < 50 && status === 503; attempt += 1) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        const next = await open(runId);
        ({ status } = next.response);
        listeners.push(next);
      }
      expect(status).toBe(200);
      for (const { stop } of listeners) stop();
    });

    it('have no stream where there is no run', async () => {
      expect(codeOf(await world.call('get', '/v1/runs/nobody/events'))).toEqual([404, 'PRN_RUN_NOT_FOUND']);
    });
  });
});

function bodyOf({ body }: Response): AsyncIterable<Uint8Array> {
  if (body === null) throw new Error('the answer has no body');
  return body;
}
