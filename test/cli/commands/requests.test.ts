import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

const PERENNIAL = fileURLToPath(new URL('../../../bin/perennial', import.meta.url));

/** What the command sent to a server that answers everything with `answer`. */
let received: { line: string; key: string | undefined; body: string }[];
let answer: { status: number; body: string };
let server: Server;
let url: string;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perennial-test-'));
  server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      received.push({ line: `${request.method} ${request.url}`, key: request.headers.authorization, body });
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => {
  received = [];
  answer = { status: 200, body: '{"items":[],"next":null}' };
});

async function perennial(...args: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const env = { ...process.env, PERENNIAL_API_URL: url, PERENNIAL_SERVING_URL: url, PERENNIAL_API_KEY: 'prn_test' };
  return new Promise((resolve) => {
    const child = spawn(PERENNIAL, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}

describe('the perennial command', () => {
  it('sends each word as one segment, so that no name reaches another route', async () => {
    await perennial('delete', 'model', 'a/../../keys/k?x=1#y');
    await perennial('alerts', 'list', 'a&model=b');
    expect(received.map(({ line }) => line)).toEqual([
      'DELETE /v1/resources/model/a%2F..%2F..%2Fkeys%2Fk%3Fx%3D1%23y',
      'GET /v1/alerts?endpoint=a%26model%3Db',
    ]);
    expect(await perennial('delete', 'model', '..')).toMatchObject({
      code: 1,
      stderr: 'PRN_REQUEST_INVALID\n".." is not a name.\n',
    });
    expect(received).toHaveLength(2);
  });

  it('calls wrong numbers and formats a usage error, and sends nothing', async () => {
    for (const args of [
      ['rollback', 'm', '--reason', 'why', '--to', 'x'],
      ['rollout', 'pass', 'r', '-1'],
      ['get', 'model', '-o', 'xml'],
      ['nonsense'],
    ])
      expect([args, (await perennial(...args)).code]).toEqual([args, 2]);
    expect(received).toEqual([]);
  });

  it('predicts with its key, with every field of every row, and shows a row each', async () => {
    answer.body = JSON.stringify({
      inputs: [{ name: 'departed_ts', datatype: 'INT64' }],
      outputs: [
        { name: 'probability', shape: [2, 1], data: [0.25, 0.5] },
        { name: 'decision', shape: [2, 1], data: [0, 1] },
        { name: 'model_version', shape: [2], data: [3, 4] },
        { name: 'prediction_id', shape: [2], data: ['p', 'q'] },
      ],
    });
    const input = '[{"departed_ts":"1970-01-01T00:00:01Z"},{"departed_ts":2,"distance":7}]';
    const { stdout } = await perennial('predict', 'e', '--input', input);
    expect(received.map(({ line, key }) => [line, key])).toEqual([
      ['GET /v2/models/e', 'Bearer prn_test'],
      ['POST /v2/models/e/infer', 'Bearer prn_test'],
    ]);
    expect(JSON.parse(received[1]?.body ?? '')).toEqual({
      inputs: [
        { name: 'departed_ts', datatype: 'INT64', shape: [2], data: [1_000_000, 2] },
        { name: 'distance', datatype: 'FP32', shape: [2], data: [null, 7] },
      ],
    });
    expect(stdout).toBe(
      'PROBABILITY  DECISION  VERSION  PREDICTION\n0.2500       0         3        p\n0.5000       1         4        q\n',
    );
    expect((await perennial('predict', 'e', '--input', 'x')).stderr).toMatch(
      /^PRN_REQUEST_INVALID\n--input takes JSON or @FILE: /,
    );
  });

  it('shows the classes and values that models of other tasks predict', async () => {
    const served = (outputs: unknown[]): void => {
      const versions = [
        { name: 'model_version', shape: [2], data: [3, 3] },
        { name: 'prediction_id', shape: [2], data: ['p', 'q'] },
      ];
      answer.body = JSON.stringify({ inputs: [], outputs: [...outputs, ...versions] });
    };
    served([
      { name: 'probabilities', shape: [2, 3], data: [0.25, 0.5, 0.25, 0.125, 0.125, 0.75] },
      { name: 'decision', shape: [2, 1], data: [1, 2] },
      { name: 'class', shape: [2], data: ['b', 'c'] },
    ]);
    expect((await perennial('predict', 'e', '--input', '[{"x":1},{"x":2}]')).stdout.split('\n')[2]).toMatch(
      /^c {6}0\.1250, 0\.1250, 0\.7500 +2 +3 +q$/,
    );
    served([{ name: 'prediction', shape: [2, 1], data: [1.5, -2.25] }]);
    expect((await perennial('predict', 'e', '--input', '[{"x":1},{"x":2}]')).stdout).toBe(
      'VALUE    VERSION  PREDICTION\n1.5000   3        p\n-2.2500  3        q\n',
    );
  });

  it('waits for a materialisation by its own state, and fails when it failed', async () => {
    answer.body = '{"materializationId":"m1","state":"failed","problem":"no rows"}';
    const outcome = await perennial('materialize', 'v', '--through', '2001-03-01', '--wait');
    expect(received.map(({ line }) => line)).toEqual([
      'POST /v1/feature-views/v/materializations',
      'GET /v1/feature-views/v/materializations/m1',
    ]);
    expect([outcome.code, outcome.stdout.includes('problem: no rows')]).toEqual([1, true]);
  });

  it('leaves addresses of sources as they are', async () => {
    await perennial('ingest', 'd', '--source', 'https://example.org/a.csv');
    expect(JSON.parse(received[0]?.body ?? '')).toEqual({ source: 'https://example.org/a.csv' });
  });

  it('sends a file through the API and ingests it by the id that it got', async () => {
    const file = join(folder, 'rows.csv');
    await writeFile(file, 'ts,delay\n1,2\n');
    answer.body = '{"uploadId":"u1","source":"upload:u1"}';
    expect((await perennial('ingest', 'd', '--file', file)).code).toBe(0);
    expect(received.map(({ line, body }) => [line, body])).toEqual([
      ['POST /v1/datasets/d/uploads?filename=rows.csv', 'ts,delay\n1,2\n'],
      ['POST /v1/datasets/d/ingestions', '{"source":"upload:u1"}'],
    ]);
    const missing = await perennial('ingest', 'd', '--file', join(folder, 'none.csv'));
    expect([missing.code, missing.stderr]).toEqual([
      1,
      expect.stringMatching(/^PRN_REQUEST_INVALID\n.*none\.csv cannot be/),
    ]);
    expect((await perennial('ingest', 'd', '--file', folder)).stderr).toContain('it is no file');
    expect((await perennial('ingest', 'd', '--file', file, '--source', 'x')).code).toBe(2);
  });

  it('decides about quarantined rows, waits for what comes of it, and fails when nothing did', async () => {
    const decided = (verdict: string, because: string | null): string =>
      JSON.stringify({
        caseId: 'c1',
        dataset: 'd',
        decisionId: 'd1',
        decisions: [{ decisionId: 'd1', verdict, because }],
      });
    answer.body = decided('applied', null);
    const args = [
      'quarantine',
      'release',
      'c1',
      '--rows',
      '3, 17',
      '--rules',
      'plausible',
      '--reason',
      'they are right',
    ];
    expect((await perennial(...args)).code).toBe(0);
    expect(received.map(({ line }) => line)).toEqual([
      'GET /v1/quarantine/c1',
      'POST /v1/quarantine/c1/decisions',
      'GET /v1/quarantine/c1',
    ]);
    expect(JSON.parse(received[1]?.body ?? '')).toEqual({
      action: 'release',
      rules: ['plausible'],
      rows: [3, 17],
      reason: 'they are right',
    });
    answer.body = decided('failed', 'no row can be accepted');
    const { code, stdout } = await perennial('quarantine', 'discard', 'c1', '--reason', 'why');
    expect([code, stdout]).toEqual([1, expect.stringContaining('no row can be accepted')]);
    expect((await perennial('quarantine', 'release', 'c1', '--rows', 'three')).code).toBe(2);
  });

  it('tells when a table is not the whole list, beside the table', async () => {
    answer.body = '{"items":[{"alertId":"a1"}],"next":"a1"}';
    const { stdout, stderr } = await perennial('alerts', 'list');
    expect(stdout.split('\n')).toHaveLength(3);
    expect(stderr).toBe('There is more; the API gives the rest after a1.\n');
  });

  it('says in words what went wrong: refusals, serving errors, pages of a proxy, nobody there', async () => {
    const said = async (): Promise<string> => (await perennial('alerts', 'list')).stderr;
    answer = { status: 404, body: '{"error":{"code":"PRN_X","message":"nested"}}' };
    expect(await said()).toBe('PRN_X\nnested\n');
    answer = { status: 400, body: '{"error":"side by side","code":"PRN_Y"}' };
    expect(await said()).toBe('PRN_Y\nside by side\n');
    answer = { status: 502, body: '<html>Bad gateway</html>' };
    expect(await said()).toBe('PRN_INTERNAL\nThe server answered with HTTP 502 and no reason.\n');
    answer = { status: 200, body: '<html>Welcome</html>' };
    expect(await said()).toMatch(/^PRN_UNAVAILABLE\nWhat answers at .* is not Perennial\.\n$/);
  });

  it('asks serving for online features and shows why a value is missing', async () => {
    const features = [{ name: 'late_rate', values: [0.25, null], statuses: ['PRESENT', 'NOT_FOUND'] }];
    answer = { status: 200, body: JSON.stringify({ rows: 2, features }) };
    const entities = '{"origin": ["ORD", "XXX"]}';
    const list = 'origin-traffic,weather:wind';
    const when = '2001-04-02T12:00:00Z';
    const asked = await perennial('features', 'online', list, '--as-of', when, '--full-names', '--entities', entities);
    expect(asked.code).toBe(0);
    expect(
      asked.stdout
        .trim()
        .split('\n')
        .map((line) => line.split(/\s+/)),
    ).toEqual([
      ['origin', 'late_rate'],
      ['ORD', '0.25'],
      ['XXX', 'NOT_FOUND'],
    ]);
    expect(received.map(({ line, body }) => [line, JSON.parse(body)])).toEqual([
      [
        'POST /v1/features/online',
        {
          features: ['origin-traffic', 'weather:wind'],
          entities: { origin: ['ORD', 'XXX'] },
          request: {},
          asOf: when,
          fullNames: true,
        },
      ],
    ]);
    await perennial('features', 'online', '--model', 'flight-delay/3', '--request', '{"distance": [1]}');
    expect(JSON.parse(received[1]?.body ?? '')).toMatchObject({
      featureService: { model: 'flight-delay', version: 3 },
      request: { distance: [1] },
    });
    for (const wrong of [
      ['features', 'online'],
      ['features', 'online', 'a', '--entities', '{'],
    ])
      expect(await perennial(...wrong)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('PRN_REQUEST_INVALID'),
      });
    expect(received).toHaveLength(2);
  });

  it('asks for runs by filter and order, and shows what was logged in a line each', async () => {
    const metrics = [
      { key: 'log_loss', value: 0.412348, step: 0, timestampMs: 1 },
      { key: 'odd', value: 'NaN', step: 0, timestampMs: 1 },
    ];
    const params = Array.from({ length: 8 }, (_value, index) => ({ key: `p${index}`, value: 'x' }));
    answer.body = JSON.stringify({
      items: [{ runId: 'a1', name: 'first', status: 'FINISHED', metrics, params }],
      next: null,
    });
    const words = [
      '--filter',
      "params.depth = '6' AND metrics.a > 1",
      '--order-by',
      'metrics.a DESC',
      '--order-by',
      'start_time',
    ];
    const listed = await perennial('runs', 'list', '--experiment', 'flight delay', ...words);
    const asked = new URL(received[0]?.line.replace('GET ', '') ?? '', url).searchParams;
    expect([...asked]).toEqual([
      ['limit', '50'],
      ['experiment', 'flight delay'],
      ['filter', "params.depth = '6' AND metrics.a > 1"],
      ['orderBy', 'metrics.a DESC'],
      ['orderBy', 'start_time'],
    ]);
    expect(listed.stdout).toContain('log_loss=0.41235 odd=NaN');
    expect(listed.stdout).toContain('p5=x and 2 more');
    const json = await perennial('runs', 'list', '-o', 'json');
    expect(JSON.parse(json.stdout)).toEqual(JSON.parse(answer.body));
  });

  it('compares runs side by side, and shows what differs', async () => {
    const runs = [
      { runId: 'aaaaaaaaaa', name: 'left', status: 'FINISHED' },
      { runId: 'bbbbbbbbbb', name: 'right', status: 'FAILED' },
    ];
    const compared = {
      params: [
        { key: 'depth', values: ['4', '6'], differs: true },
        { key: 'seed', values: ['1', '1'], differs: false },
      ],
      metrics: [{ key: 'auc', values: [0.71234, null], differs: true }],
      tags: [],
      datasets: [],
    };
    answer.body = JSON.stringify({ runs, ...compared });
    const lines = async (...more: readonly string[]) =>
      (await perennial('runs', 'compare', 'aaaaaaaaaa', 'bbbbbbbbbb', ...more)).stdout
        .trim()
        .split('\n')
        .map((line) => line.split(/\s{2,}/));
    const differing = [
      ['WHAT', 'KEY', 'aaaaaaaa', 'bbbbbbbb'],
      ['run', 'name', 'left', 'right'],
      ['run', 'status', 'FINISHED', 'FAILED'],
      ['param', 'depth', '4', '6'],
    ];
    expect(await lines()).toEqual([...differing, ['metric', 'auc', '0.7123', '–']]);
    expect(await lines('--all')).toEqual([...differing, ['param', 'seed', '1', '1'], ['metric', 'auc', '0.7123', '–']]);
    expect(received[0]?.line).toBe('GET /v1/runs:compare?ids=aaaaaaaaaa%2Cbbbbbbbbbb');
  });

  it('watches a run until it ends, and fails with it', async () => {
    const event = (id: number, name: string, data: object) =>
      `id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
    answer.body = [
      event(2, 'metrics', { points: [{ seq: 2, key: 'loss', step: 1, timestampMs: 1, value: 0.5 }] }),
      ': still here\n\n',
      event(2, 'run', { name: 'first', status: 'FAILED' }),
      event(2, 'end', { status: 'FAILED', cause: 'out of memory' }),
    ].join('');
    const watched = await perennial('runs', 'watch', 'a/b', '--after', '1');
    expect(watched).toEqual({
      code: 1,
      stdout: 'step 1  loss  0.5\nfirst is FAILED\nended as FAILED: out of memory\n',
      stderr: '',
    });
    expect(received[0]?.line).toBe('GET /v1/runs/a%2Fb/events?after=1');
  });
});
