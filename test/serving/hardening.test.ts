import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Serving, ServingOptions } from '../../serving/server.js';
import {
  DEPARTED,
  ENDPOINT,
  get,
  openServingWorld,
  outputOf,
  post,
  requestOf,
  type ServingWorld,
  untilRev,
} from './serving-fixture.js';

let world: ServingWorld;

beforeEach(async () => {
  world = await openServingWorld();
});

afterEach(async () => {
  await world.close();
});

async function startServed(options: Partial<ServingOptions> = {}): Promise<Serving> {
  const serving = await world.start(options);
  const version = await world.addVersion({ base: 0 });
  await untilRev(world.stores, serving, await world.route([{ version, weight: 100 }]));
  return serving;
}

const inferUrl = ({ url }: Serving): string => `${url}/v2/models/${ENDPOINT}/infer`;

/** Bytes in, whatever comes back out, on a connection of its own. */
function exchange(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
    socket.end(bytes);
  });
}

describe('garbage', () => {
  it('is refused with a reason 2 000 times over, and the process goes on', async () => {
    const serving = await startServed();
    const values = fc.oneof(
      fc.string(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.constantFrom(null, true, [], {}, 1e308, -0, 2 ** 63, '__proto__', [[[]]]),
    );
    const tensor = fc.record(
      {
        name: fc.oneof(fc.constantFrom('origin', 'distance', 'departed_ts', 'unit_id', '__proto__'), fc.string()),
        datatype: fc.oneof(fc.constantFrom('FP32', 'INT64', 'BYTES', 'BOOL', 'INT8'), values),
        shape: fc.oneof(fc.array(fc.oneof(fc.integer({ min: -1, max: 3 }), values), { maxLength: 3 }), values),
        data: fc.oneof(fc.array(values, { maxLength: 4 }), values),
        parameters: values,
      },
      { requiredKeys: [] },
    );
    const document = fc.record(
      {
        id: values,
        parameters: fc.oneof(values, fc.record({ unit: values })),
        inputs: fc.oneof(fc.array(tensor, { maxLength: 4 }), values),
        outputs: fc.oneof(fc.array(fc.oneof(fc.record({ name: values }), values), { maxLength: 3 }), values),
      },
      { requiredKeys: [] },
    );
    const text = fc.oneof(
      document.map((value) => JSON.stringify(value)),
      fc.json(),
      fc.string(),
      document.map((value) => JSON.stringify(value).slice(0, -3)),
    );
    await fc.assert(
      fc.asyncProperty(text, async (body) => {
        const answer = await post(inferUrl(serving), body);
        expect([answer.status, typeof answer.body.error]).toEqual([400, 'string']);
      }),
      { numRuns: 2_000, seed: 20_010_302 },
    );
    expect((await post(inferUrl(serving), requestOf([{}]))).status).toBe(200);
    expect(world.problems).toEqual([]);
  });

  it('as deep nesting or a huge name costs a short refusal', async () => {
    const serving = await startServed();
    const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
    const tensorWith = (field: string, value: string): string => {
      const fields = { name: '"distance"', datatype: '"FP32"', shape: '[1]', data: '[1]', [field]: value };
      return `{"inputs":[{${Object.entries(fields)
        .map(([key, text]) => `"${key}":${text}`)
        .join(',')}}]}`;
    };
    for (const field of ['name', 'datatype', 'shape', 'data']) {
      const answer = await post(inferUrl(serving), tensorWith(field, deep));
      expect([field, answer.status]).toEqual([field, 400]);
    }
    const huge = await post(inferUrl(serving), tensorWith('name', `"${'x'.repeat(1_000_000)}"`));
    expect([huge.status, (huge.body.error ?? '').length < 500]).toEqual([400, true]);
  });

  it('that is no HTTP ends the connection and nothing else', async () => {
    const serving = await startServed();
    const port = Number(new URL(serving.url).port);
    expect(await exchange(port, 'nonsense\r\n\r\n')).toMatch(/^HTTP\/1\.1 400/);
    expect(await exchange(port, `GET /${'x'.repeat(40_000)} HTTP/1.1\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431/);
    const half = `POST /v2/models/${ENDPOINT}/infer HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{"inputs"`;
    await exchange(port, half);
    expect((await post(inferUrl(serving), requestOf([{}]))).status).toBe(200);
    expect(world.problems).toEqual([]);
  });
});

describe('load', () => {
  it('beyond the limit is refused with a hint to come back, and probes are answered all the same', async () => {
    const serving = await startServed({ maxInFlight: 2 });
    const port = Number(new URL(serving.url).port);
    const started = `POST /v2/models/${ENDPOINT}/infer HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n`;
    const slow = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
    await Promise.all(slow.map((socket) => new Promise<void>((resolve) => socket.write(started, () => resolve()))));
    await new Promise((resolve) => setTimeout(resolve, 100));
    const refused = await post(inferUrl(serving), requestOf([{}]));
    expect(refused).toMatchObject({ status: 503, body: { code: 'PRN_SERVING_OVERLOADED' } });
    expect(refused.headers.get('retry-after')).toBe('1');
    expect((await get(`${serving.url}/healthz`)).status).toBe(200);
    expect((await get(`${serving.url}/v2/health/ready`)).status).toBe(200);
    for (const socket of slow) socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await post(inferUrl(serving), requestOf([{}]))).status).toBe(200);
  });
});

describe('stopping', () => {
  it('answers running requests, writes every answered row, and leaves no instance behind', async () => {
    const serving = await startServed();
    const rows = Array.from({ length: 9_000 }, () => ({}));
    const running = Array.from({ length: 5 }, () => post(inferUrl(serving), requestOf(rows)));
    // Headers of all requests have arrived when the first answer is there.
    const [first] = await Promise.all([running[0], new Promise((resolve) => setTimeout(resolve, 50))]);
    await serving.close();
    const answers = await Promise.all(running);
    expect(first?.status).toBe(200);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    const ids = new Set(answers.flatMap((answer) => outputOf(answer, 'prediction_id')));
    const logged = (await world.logged()).flatMap(({ predictionIds }) => predictionIds);
    expect([logged.length, logged.every((id) => ids.has(id))]).toEqual([45_000, true]);
    expect(await world.stores.endpoints.instances(0)).toEqual([]);
  });

  it('does not wait for a caller who keeps a connection busy', async () => {
    const serving = await startServed();
    const socket = connect(Number(new URL(serving.url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    const busy = setInterval(() => socket.write('GET /v2/health/live HTTP/1.1\r\nhost: x\r\n\r\n'), 5);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const startedMs = performance.now();
    await serving.close();
    clearInterval(busy);
    socket.destroy();
    expect(performance.now() - startedMs).toBeLessThan(4_000);
  });

  it('says that a port is taken', async () => {
    const serving = await startServed();
    const port = Number(new URL(serving.url).port);
    await expect(world.start({ port })).rejects.toMatchObject({ code: 'PRN_PORT_IN_USE' });
  });
});

describe('keys', () => {
  it('are asked for everywhere but on probes, and a revoked one ends within seconds', async () => {
    let agedMs = 0;
    const serving = await startServed({ auth: 'key', elapsedMs: () => performance.now() + agedMs });
    const digest = createHash('sha256').update('secret').digest('hex');
    const record = { digest, keyId: 'k1', name: 't', role: 'viewer', createdTs: 1, revoked: false } as const;
    await world.stores.keys.insertKey(record, 'test');
    const ask = (header: Record<string, string>) => post(inferUrl(serving), requestOf([{}]), header);
    expect(await ask({})).toMatchObject({ status: 401, body: { code: 'PRN_AUTH_MISSING' } });
    expect(await ask({ authorization: 'Basic c2VjcmV0' })).toMatchObject({ body: { code: 'PRN_AUTH_MISSING' } });
    expect(await ask({ authorization: 'Bearer wrong' })).toMatchObject({
      status: 401,
      body: { code: 'PRN_AUTH_INVALID' },
    });
    expect((await ask({ authorization: 'Bearer secret' })).status).toBe(200);
    expect((await get(`${serving.url}/v2/models/${ENDPOINT}`)).status).toBe(401);
    for (const path of ['/healthz', '/v2', '/v2/health/live', '/v2/health/ready'])
      expect((await get(`${serving.url}${path}`)).status).toBe(200);
    await world.stores.keys.revokeKey('k1', 'test');
    agedMs = 5_100;
    expect((await ask({ authorization: 'Bearer secret' })).status).toBe(401);
  });
});

describe('an open port', () => {
  it('answers programs and no page of a browser', async () => {
    const serving = await startServed();
    const labels = { labels: [{ predictionId: 'p', label: 1 }] };
    const page = { origin: 'https://example.org', 'content-type': 'text/plain' };
    const truth = `${serving.url}/v1/endpoints/${ENDPOINT}/ground-truth`;
    for (const url of [truth, inferUrl(serving), `${serving.url}/v1/features/online`])
      expect((await post(url, labels, page)).status).toBe(401);
    expect((await post(truth, labels)).status).toBe(200);
    expect(await world.stores.predictions.groundTruthCount(ENDPOINT)).toBe(1);
  });
});

describe('ground truth', () => {
  it('is taken from those who may contribute, and predictions are answered to all', async () => {
    const serving = await startServed({ auth: 'key' });
    const url = `${serving.url}/v1/endpoints/${ENDPOINT}/ground-truth`;
    const labels = { labels: [{ predictionId: 'p', label: 1 }] };
    for (const [role, status] of [
      ['viewer', 403],
      ['approver', 403],
      ['contributor', 200],
    ] as const) {
      const digest = createHash('sha256').update(role).digest('hex');
      await world.stores.keys.insertKey(
        { digest, keyId: role, name: role, role, createdTs: 1, revoked: false },
        'test',
      );
      const headers = { authorization: `Bearer ${role}` };
      expect([role, (await post(url, labels, headers)).status]).toEqual([role, status]);
      expect((await post(inferUrl(serving), requestOf([{}]), headers)).status).toBe(200);
    }
  });

  it('of the future is refused on a wall clock, since nothing could correct it', async () => {
    await world.close();
    world = await openServingWorld({ clock: 'wall' });
    const serving = await startServed();
    const url = `${serving.url}/v1/endpoints/${ENDPOINT}/ground-truth`;
    const at = (knownTs: number) => post(url, { labels: [{ predictionId: 'p', label: 1, knownTs }] });
    const now = Date.now() * 1_000;
    expect((await at(now + 60_000_000)).status).toBe(200);
    expect(await at(now + 600_000_000)).toMatchObject({
      status: 400,
      body: { error: 'Invalid body: labels.0.knownTs is in the future.' },
    });
  });

  it('is taken for predictions of an endpoint, the label known later winning', async () => {
    const serving = await startServed();
    const url = `${serving.url}/v1/endpoints/${ENDPOINT}/ground-truth`;
    const [id = ''] = outputOf(await post(inferUrl(serving), requestOf([{}])), 'prediction_id');
    const labels = (label: 0 | 1, knownTs: number) => ({ labels: [{ predictionId: id, label, knownTs }] });
    expect(await post(url, labels(1, 20))).toMatchObject({ status: 200, body: { accepted: 1, changed: 1 } });
    await post(url, labels(0, 10));
    expect(await world.stores.predictions.groundTruth([String(id)], DEPARTED)).toEqual(new Map([[id, 1]]));
    const bad = [{}, { labels: [] }, { labels: [{ predictionId: 'x', label: 2 }] }, { labels: [{ label: 1 }] }];
    for (const body of bad) expect((await post(url, body)).status).toBe(400);
    expect((await post(`${serving.url}/v1/endpoints/nobody/ground-truth`, labels(1, 1))).status).toBe(404);
  });
});
