import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Serving } from '../../serving/server.js';
import {
  type Answer,
  DEPARTED,
  ENDPOINT,
  expectedProbability,
  get,
  openServingWorld,
  outputOf,
  post,
  requestOf,
  type ServingWorld,
  type Tensor,
  until,
  untilRev,
} from './serving-fixture.js';

let world: ServingWorld;
let serving: Serving;
let champion: number;
let staged: number;

beforeAll(async () => {
  world = await openServingWorld();
  champion = await world.addVersion({ base: -0.5, decisionThreshold: 0.6 });
  staged = await world.addVersion({ base: 0.5 });
  await world.publish({ ORD: 0.9, JFK: 0.1, SEA: null }, DEPARTED - 1);
  await world.route([{ version: champion, weight: 100 }]);
  await world.stage(staged);
  serving = await world.start();
  await untilRev(world.stores, serving, 2);
});

afterAll(async () => {
  await world.close();
});

const url = (path: string): string => `${serving.url}${path}`;
const infer = (body: unknown, path = ''): Promise<Answer> => post(url(`/v2/models/${ENDPOINT}${path}/infer`), body);

/** A good request with one of its tensors changed. */
function changed(name: string, change: Partial<Record<keyof Tensor | 'parameters', unknown>>): { inputs: unknown[] } {
  const { inputs } = requestOf([{}, {}]);
  return { inputs: inputs.map((input) => (input.name === name ? { ...input, ...change } : input)) };
}

describe('health and metadata', () => {
  it('answers as the protocol says', async () => {
    expect(await get(url('/v2'))).toEqual({
      status: 200,
      body: { name: 'perennial', version: '0.1.0', extensions: [] },
    });
    expect((await get(url('/v2/'))).status).toBe(200);
    expect(await get(url('/v2/health/live'))).toEqual({ status: 200, body: { live: true } });
    expect(await get(url('/v2/health/ready'))).toMatchObject({ status: 200, body: { ready: true, degraded: false } });
    expect(await get(url('/healthz'))).toMatchObject({ status: 200, body: { degraded: false, dropped: 0 } });
    expect(await get(url(`/v2/models/${ENDPOINT}/ready`))).toEqual({
      status: 200,
      body: { name: ENDPOINT, ready: true },
    });
    expect(await get(url(`/v2/models/${ENDPOINT}`))).toEqual({
      status: 200,
      body: {
        name: ENDPOINT,
        versions: [String(champion), String(staged)],
        platform: 'onnx_onnxv1',
        inputs: [
          { name: 'origin', datatype: 'BYTES', shape: [-1, 1] },
          { name: 'distance', datatype: 'FP32', shape: [-1, 1] },
          { name: 'departed_ts', datatype: 'INT64', shape: [-1, 1] },
        ],
        outputs: [
          { name: 'probability', datatype: 'FP32', shape: [-1, 1] },
          { name: 'decision', datatype: 'INT64', shape: [-1, 1] },
          { name: 'prediction_id', datatype: 'BYTES', shape: [-1] },
          { name: 'model_version', datatype: 'INT64', shape: [-1] },
        ],
        properties: { model: 'flight-delay', task: 'binary', optional_inputs: 'origin_traffic__late_rate' },
      },
    });
  });

  it('knows routed and staged versions by number and no others', async () => {
    const statusOf = async (version: string): Promise<number> =>
      (await get(url(`/v2/models/${ENDPOINT}/versions/${version}/ready`))).status;
    expect(await Promise.all([String(champion), String(staged), '77'].map(statusOf))).toEqual([200, 200, 404]);
    // 1 written otherwise is not version 1.
    expect(await Promise.all(['0', '-1', '1.0', '0x1', '01', '1e0', 'latest', '%20'].map(statusOf))).toEqual(
      Array.from({ length: 8 }, () => 404),
    );
  });

  it('counts what it does for Prometheus', async () => {
    await infer(requestOf([{}, {}]));
    const metrics = await (await fetch(url('/metrics'))).text();
    expect(metrics).toMatch(/perennial_inference_requests_total\{endpoint="flight-delay",status="200"\} \d+/);
    expect(metrics).toMatch(/perennial_inference_rows_total\{endpoint="flight-delay",version="1"\} \d+/);
    expect(metrics).toMatch(/perennial_degraded 0/);
    expect(metrics).toMatch(/perennial_prediction_log_rows\{state="dropped"\} 0/);
  });
});

describe('inference', () => {
  it('answers with all outputs, echoes the id and names the route revision', async () => {
    const answer = await infer({
      id: 'request 1',
      ...requestOf([
        { origin: 'ORD', distance: 500 },
        { origin: 'JFK', distance: 1_500 },
        { origin: 'SEA', distance: 1_500 },
        { origin: 'XXX', distance: null },
      ]),
    });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      id: 'request 1',
      model_name: ENDPOINT,
      model_version: String(champion),
      parameters: { route_rev: 2 },
    });
    expect(answer.body.outputs?.map(({ name, datatype, shape }) => ({ name, datatype, shape }))).toEqual([
      { name: 'probability', datatype: 'FP32', shape: [4, 1] },
      { name: 'decision', datatype: 'INT64', shape: [4, 1] },
      { name: 'prediction_id', datatype: 'BYTES', shape: [4] },
      { name: 'model_version', datatype: 'INT64', shape: [4] },
    ]);
    // Stumps: +1 beyond 1000 miles, +2 above a late rate of 0.3; missing values go left, which adds nothing.
    const expected = [
      { distance: 500, lateRate: 0.9 },
      { distance: 1_500, lateRate: 0.1 },
      { distance: 1_500, lateRate: Number.NaN },
      { distance: Number.NaN, lateRate: Number.NaN },
    ].map((row) => expectedProbability({ base: -0.5, ...row }));
    for (const [row, probability] of outputOf(answer, 'probability').entries())
      expect(probability).toBeCloseTo(expected[row] ?? 0, 6);
    // Sigmoid of 1.5 is 0.82, of 0.5 is 0.62, of −0.5 is 0.38; the threshold is 0.6.
    expect(outputOf(answer, 'decision')).toEqual([1, 1, 1, 0]);
    expect(outputOf(answer, 'model_version')).toEqual([champion, champion, champion, champion]);
    expect(new Set(outputOf(answer, 'prediction_id')).size).toBe(4);
  });

  it('gives the outputs that were asked for, in that order', async () => {
    const answer = await infer({ ...requestOf([{}]), outputs: [{ name: 'model_version' }, { name: 'probability' }] });
    expect(answer.body.outputs?.map(({ name }) => name)).toEqual(['model_version', 'probability']);
    expect(answer.body).not.toHaveProperty('id');
  });

  it('reads [N], [N,1] and nested rows alike', async () => {
    const shapes = [
      { shape: [2], data: [500, 1_500] },
      { shape: [2, 1], data: [500, 1_500] },
      { shape: [2, 1], data: [[500], [1_500]] },
    ];
    const answers = await Promise.all(shapes.map((tensor) => infer(changed('distance', tensor))));
    const probabilities = answers.map((answer) => outputOf(answer, 'probability'));
    expect(probabilities).toEqual([probabilities[0], probabilities[0], probabilities[0]]);
  });

  it('takes other numeric datatypes where nothing is lost', async () => {
    const statuses = await Promise.all(
      ['FP64', 'INT8', 'INT16', 'INT32', 'INT64', 'UINT8', 'UINT16', 'UINT32', 'UINT64'].map(
        async (datatype) => (await infer(changed('distance', { datatype, data: [100, 100] }))).status,
      ),
    );
    expect(statuses).toEqual(Array.from({ length: 9 }, () => 200));
    // 2^24 + 2 is even, so float32 holds it.
    expect((await infer(changed('distance', { datatype: 'INT32', data: [16_777_218, 0] }))).status).toBe(200);
  });

  it('lets a request override a feature of a view', async () => {
    const override = { name: 'origin_traffic__late_rate', datatype: 'FP32', shape: [2], data: [0.9, null] };
    const answer = await infer({ inputs: [...requestOf([{ origin: 'JFK' }, { origin: 'ORD' }]).inputs, override] });
    const [high, missing] = outputOf(answer, 'probability');
    expect(high).toBeCloseTo(expectedProbability({ base: -0.5, distance: 500, lateRate: 0.9 }), 6);
    expect(missing).toBeCloseTo(expectedProbability({ base: -0.5, distance: 500, lateRate: Number.NaN }), 6);
  });

  it('answers 10 000 rows at once', async () => {
    const rows = Array.from({ length: 10_000 }, (_unused, row) => ({ distance: row % 2 === 0 ? 500 : 1_500 }));
    const probabilities = outputOf(await infer(requestOf(rows)), 'probability');
    expect([probabilities.length, new Set(probabilities).size]).toEqual([10_000, 2]);
    expect(probabilities.slice(0, 2)).toEqual(probabilities.slice(9_998));
  });

  it('answers a pinned version and does not log it as traffic', async () => {
    const before = await loggedRows();
    const answer = await infer(requestOf([{}]), `/versions/${staged}`);
    expect(answer.body.model_version).toBe(String(staged));
    expect(outputOf(answer, 'probability')[0]).toBeCloseTo(
      expectedProbability({ base: 0.5, distance: 500, lateRate: 0.9 }),
      6,
    );
    await infer(requestOf([{}]));
    expect(await until(loggedRows, (rows) => rows > before)).toBe(before + 1);
  });
});

async function loggedRows(): Promise<number> {
  // What earlier tests sent must be written before anything can be counted.
  await until(
    async () => (await get(url('/healthz'))).body as { queued: number },
    ({ queued }) => queued === 0,
  );
  return (await world.logged()).reduce((rows, bucket) => rows + bucket.predictionIds.length, 0);
}

describe('requests that cannot be answered', () => {
  const good = (): { inputs: Tensor[] } => requestOf([{}, {}]);

  it.each<[string, unknown, RegExp]>([
    ['no JSON', '{"inputs":', /^Invalid body: it is not JSON/],
    ['an array', [], /^Invalid body: a JSON object is expected/],
    ['no inputs', {}, /^Input inputs: an array of tensors is required/],
    ['no tensors', { inputs: [] }, /^Input origin: it is missing/],
    ['a tensor that is no object', { inputs: [7] }, /^Input inputs: each input must be an object/],
    ['a tensor without a name', { inputs: [{}] }, /^Input inputs: each input needs a name/],
    ['an id that is no text', { id: 7, ...requestOf([{}]) }, /^Input id: a text is expected, got 7/],
    ['a missing input', { inputs: requestOf([{}]).inputs.slice(1) }, /^Input origin: it is missing/],
    [
      'an unknown input',
      { inputs: [...requestOf([{}]).inputs, { name: 'distnace', datatype: 'FP32', shape: [1], data: [1] }] },
      /^Input distnace: the model has no such input \(did you mean "distance"\?\); it needs origin, distance, departed_ts/,
    ],
    ['the same input twice', { inputs: [...requestOf([{}]).inputs, ...requestOf([{}]).inputs] }, /it is given twice/],
    ['no shape', changed('distance', { shape: undefined }), /expected shape \[N\] or \[N,1\], got none/],
    ['a negative shape', changed('distance', { shape: [-1] }), /got \[-1\]/],
    ['a fractional shape', changed('distance', { shape: [1.5] }), /got \[1\.5\]/],
    ['a wide shape', changed('distance', { shape: [2, 3] }), /got \[2,3\]/],
    ['a deep shape', changed('distance', { shape: [2, 1, 1] }), /got \[2,1,1\]/],
    ['too few values', changed('distance', { data: [1] }), /^Input distance: shape says 2 values, data has 1/],
    ['no data', changed('distance', { data: undefined }), /data is missing or not an array/],
    ['text for data', changed('distance', { data: 'AAAA' }), /data is missing or not an array/],
    ['ragged rows', changed('distance', { data: [[1], [2, 3]] }), /exactly one value in each row/],
    ['half nested rows', changed('distance', { data: [[1], 2] }), /exactly one value in each row/],
    ['no datatype', changed('distance', { datatype: undefined }), /expected datatype FP32, got none/],
    ['an unknown datatype', changed('distance', { datatype: 'FP99' }), /expected datatype FP32, got "FP99"/],
    ['text for a number', changed('distance', { datatype: 'BYTES' }), /expected datatype FP32, got "BYTES"/],
    ['a number for text', changed('origin', { datatype: 'FP32' }), /expected datatype BYTES, got "FP32"/],
    ['a float for an integer', changed('departed_ts', { datatype: 'FP32' }), /expected datatype INT64, got "FP32"/],
    ['text in numbers', changed('distance', { data: [1, 'x'] }), /row 1: expected a number, got "x"/],
    ['a flag in numbers', changed('distance', { data: [true, 1] }), /row 0: expected a number, got true/],
    ['a number in texts', changed('origin', { data: ['ORD', 7] }), /row 1: expected a text, got 7/],
    ['null where none is taken', changed('departed_ts', { data: [null, 1] }), /row 0 is null/],
    ['null in texts', changed('origin', { data: [null, 'ORD'] }), /row 0 is null/],
    ['a fraction in integers', changed('departed_ts', { data: [1.5, 1] }), /row 0: 1\.5 is not an integer/],
    ['an unsafe integer', changed('departed_ts', { data: [2 ** 53, 1] }), /not an integer that JSON keeps exact/],
    [
      '300 in INT8',
      changed('distance', { datatype: 'INT8', data: [300, 1] }),
      /300 is not an integer from -128 to 127/,
    ],
    [
      '−1 in UINT16',
      changed('distance', { datatype: 'UINT16', data: [-1, 1] }),
      /-1 is not an integer from 0 to 65535/,
    ],
    // 2^24 + 1 is the first integer that float32 rounds.
    ['2^24 + 1', changed('distance', { datatype: 'INT32', data: [16_777_217, 1] }), /16777217 is not exact in FP32/],
    ['1e39', changed('distance', { data: [1e39, 1] }), /beyond what FP32 holds/],
    [
      'columns of unequal length',
      changed('distance', { shape: [1], data: [1] }),
      /it has 1 rows, the inputs before have 2/,
    ],
    ['no rows', requestOf([]), /at least one row is required/],
    ['too many rows', requestOf(Array.from({ length: 10_001 }, () => ({}))), /10001 rows are more than the 10000/],
    [
      'binary tensors',
      changed('distance', { parameters: { binary_data_size: 8 } }),
      /binary tensor data is not supported/,
    ],
    ['an unknown output', { ...requestOf([{}]), outputs: [{ name: 'probabilty' }] }, /did you mean "probability"/],
    ['an output without a name', { ...requestOf([{}]), outputs: [{}] }, /each output needs a name/],
    ['no outputs', { ...requestOf([{}]), outputs: [] }, /a non-empty array is expected/],
    [
      'an output twice',
      { ...requestOf([{}]), outputs: [{ name: 'decision' }, { name: 'decision' }] },
      /output 'decision' already exists in request/,
    ],
    ['a unit that is no text', { ...requestOf([{}]), parameters: { unit: 7 } }, /^Input parameters\.unit: a text/],
    ['parameters that are no object', { ...requestOf([{}]), parameters: [] }, /^Input parameters: an object/],
  ])('refuses %s', async (_case, body, message) => {
    const answer = await infer(body);
    expect(answer.status).toBe(400);
    expect(answer.body.error).toMatch(message);
  });

  it('tells unknown models, versions, routes and methods', async () => {
    const unknown = await post(url('/v2/models/flight-dealy/infer'), good());
    expect(unknown).toMatchObject({ status: 404, body: { code: 'PRN_ENDPOINT_NOT_FOUND' } });
    expect(unknown.body.error).toBe(
      'Request for unknown model: endpoint flight-dealy does not exist (did you mean "flight-delay"?).',
    );
    expect(await infer(good(), '/versions/77')).toMatchObject({
      status: 404,
      body: { code: 'PRN_ENDPOINT_VERSION_UNAVAILABLE' },
    });
    expect(await post(url('/v2/nothing'), {})).toMatchObject({
      status: 404,
      body: { code: 'PRN_REQUEST_UNKNOWN_ROUTE' },
    });
    expect((await get(url(`/v2/models/${ENDPOINT}/infer`))).status).toBe(404);
    expect((await get(url('/v2/models/%ZZ'))).status).toBe(400);
  });

  it('says 503 and when to come back while an endpoint has no routes', async () => {
    await world.stores.endpoints.ensure('empty', 'wall');
    const answer = await until(
      () => post(url('/v2/models/empty/infer'), good()),
      ({ status }) => status !== 404,
    );
    expect(answer).toMatchObject({ status: 503, body: { code: 'PRN_ENDPOINT_NOT_READY' } });
    expect(answer.headers.get('retry-after')).toBe('1');
  });

  it('refuses bodies that are too large, compressed, binary or no UTF-8', async () => {
    const path = url(`/v2/models/${ENDPOINT}/infer`);
    expect(await post(path, ' '.repeat(8 * 1024 * 1024 + 1))).toMatchObject({
      status: 413,
      body: { code: 'PRN_REQUEST_TOO_LARGE' },
    });
    expect((await post(path, good(), { 'content-encoding': 'gzip' })).body.error).toMatch(/content encoding gzip/);
    expect((await post(path, good(), { 'inference-header-content-length': '10' })).body.error).toMatch(
      /binary tensor data/,
    );
    const response = await fetch(path, { method: 'POST', body: Uint8Array.of(0x7b, 0xff, 0x7d) });
    expect([response.status, await response.text()]).toEqual([400, expect.stringContaining('not valid UTF-8')]);
  });
});
