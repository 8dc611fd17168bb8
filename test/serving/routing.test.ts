import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PredictionBucket } from '../../domain/prediction.js';
import { Resource } from '../../domain/resources.js';
import { fuseModel } from '../../ml/onnx/fused-model.js';
import { encodeModel } from '../../ml/onnx/writer.js';
import type { Serving } from '../../serving/server.js';
import {
  type Answer,
  DEPARTED,
  ENDPOINT,
  expectedProbability,
  openServingWorld,
  outputOf,
  post,
  requestOf,
  type ServingWorld,
  until,
  untilRev,
} from './serving-fixture.js';
import { binaryEnsemble } from '../support/trees.js';

let world: ServingWorld;
let serving: Serving;

beforeEach(async () => {
  world = await openServingWorld({ unit: 'origin' });
  serving = await world.start();
});

afterEach(async () => {
  await world.close();
});

const infer = (body: unknown): Promise<Answer> => post(`${serving.url}/v2/models/${ENDPOINT}/infer`, body);

async function routeTo(...args: Parameters<ServingWorld['route']>): Promise<void> {
  await untilRev(world.stores, serving, await world.route(...args));
}

async function loggedRows(rows: number): Promise<PredictionBucket[]> {
  return until(
    () => world.logged(),
    (buckets) => buckets.reduce((sum, { predictionIds }) => sum + predictionIds.length, 0) >= rows,
  );
}

/** A column of all buckets, in the order of the given prediction ids. */
function columnById(
  buckets: readonly PredictionBucket[],
  ids: readonly (string | number)[],
  pick: (bucket: PredictionBucket) => ArrayLike<number> | undefined,
): (number | undefined)[] {
  const values = new Map(
    buckets.flatMap((bucket) => bucket.predictionIds.map((id, row) => [id, pick(bucket)?.[row]] as const)),
  );
  return ids.map((id) => values.get(String(id)));
}

describe('weighted routes', () => {
  const units = Array.from({ length: 2_000 }, (_unused, index) => ({ origin: `unit-${index}` }));

  it('give each version its share, and a ramp never moves a unit back', async () => {
    const first = await world.addVersion({ base: -1 });
    const second = await world.addVersion({ base: 1 });
    let before = new Set<number>();
    for (const [weight, least, greatest] of [
      [10, 160, 240],
      [50, 920, 1_080],
      [100, 2_000, 2_000],
    ] as const) {
      await routeTo([
        { version: first, weight: 100 - weight },
        { version: second, weight },
      ]);
      const versions = outputOf(await infer(requestOf(units)), 'model_version');
      const challenged = new Set([...versions.keys()].filter((row) => versions[row] === second));
      // Three standard deviations of a binomial share are 40 units at 10 % and 67 at 50 %.
      expect(challenged.size).toBeGreaterThanOrEqual(least);
      expect(challenged.size).toBeLessThanOrEqual(greatest);
      expect([...before].filter((row) => !challenged.has(row))).toEqual([]);
      before = challenged;
    }
  });

  it('follow the unit of the request, of its rows, or of the declared field', async () => {
    const first = await world.addVersion({ base: -1 });
    const second = await world.addVersion({ base: 1 });
    await routeTo([
      { version: first, weight: 50 },
      { version: second, weight: 50 },
    ]);
    const byField = outputOf(await infer(requestOf(units)), 'model_version');
    const unitId = { name: 'unit_id', datatype: 'BYTES', shape: [2_000], data: units.map(({ origin }) => origin) };
    const sameOrigin = requestOf(units.map(() => ({ origin: 'ORD' })));
    const byRow = outputOf(await infer({ inputs: [...sameOrigin.inputs, unitId] }), 'model_version');
    const byRequest = outputOf(await infer({ ...requestOf(units), parameters: { unit: 'unit-0' } }), 'model_version');
    expect(byRow).toEqual(byField);
    expect(new Set(byRequest)).toEqual(new Set([byField[0]]));
  });

  it('answer the rows of two versions with the model each was routed to', async () => {
    const first = await world.addVersion({ base: -1 });
    const second = await world.addVersion({ base: 1 });
    await routeTo([
      { version: first, weight: 50 },
      { version: second, weight: 50 },
    ]);
    const answer = await infer(requestOf(units.slice(0, 300)));
    const versions = outputOf(answer, 'model_version');
    for (const [row, probability] of outputOf(answer, 'probability').entries()) {
      const base = versions[row] === first ? -1 : 1;
      expect(probability).toBeCloseTo(expectedProbability({ base, distance: 500, lateRate: Number.NaN }), 6);
    }
    expect(new Set(versions)).toEqual(new Set([first, second]));
  });
});

describe('the prediction log', () => {
  it('holds what was answered, what the model saw, and what shadow versions say of the same rows', async () => {
    const champion = await world.addVersion({ base: -1 });
    const shadow = await world.addVersion({ base: 1 });
    await world.publish({ ORD: 0.9 }, DEPARTED - 1);
    await routeTo([{ version: champion, weight: 100 }], { shadow: [shadow] });
    const answer = await infer(
      requestOf([
        { origin: 'ORD', distance: 700, departedTs: DEPARTED },
        { origin: 'XXX', distance: null, departedTs: DEPARTED + 5 },
      ]),
    );
    const ids = outputOf(answer, 'prediction_id');
    const buckets = await loggedRows(2);
    const column = (pick: (bucket: PredictionBucket) => ArrayLike<number> | undefined): (number | undefined)[] =>
      columnById(buckets, ids, pick);
    expect(buckets[0]).toMatchObject({
      endpoint: ENDPOINT,
      model: 'flight-delay',
      instanceId: serving.instanceId,
      routeRev: 1,
      minEventTs: DEPARTED,
      maxEventTs: DEPARTED + 5,
    });
    expect(column(({ scores }) => scores)).toEqual(outputOf(answer, 'probability'));
    expect(column(({ decision }) => decision)).toEqual(outputOf(answer, 'decision'));
    expect(column(({ version }) => version)).toEqual([champion, champion]);
    expect(column(({ error }) => error)).toEqual([0, 0]);
    expect(column(({ eventTs }) => eventTs)).toEqual([DEPARTED, DEPARTED + 5]);
    expect(column(({ inputs }) => inputs['distance'])).toEqual([700, Number.NaN]);
    expect(column(({ inputs }) => inputs['origin_traffic__late_rate'])).toEqual([Math.fround(0.9), Number.NaN]);
    const [first, second] = column((bucket) => bucket.shadow[String(shadow)]);
    expect(first).toBeCloseTo(expectedProbability({ base: 1, distance: 700, lateRate: 0.9 }), 6);
    expect(second).toBeCloseTo(expectedProbability({ base: 1, distance: 0, lateRate: Number.NaN }), 6);
  });

  it('keeps sampled vectors of shadow versions too, by a share that changes without new routes', async () => {
    const champion = await world.addVersion({ base: -1 });
    const shadow = await world.addVersion({ base: 1 });
    await world.publish({ ORD: 0.9 }, DEPARTED - 1);
    await routeTo([{ version: champion, weight: 100 }], { shadow: [shadow] });
    const declare = async (share: number): Promise<void> => {
      const spec = { unit: 'origin', featureCheck: { share } };
      const document = { apiVersion: 'perennial/v1', kind: 'Endpoint', metadata: { name: ENDPOINT }, spec };
      await world.stores.resources.apply({ resource: Resource.parse(document), actor: 'test' });
    };
    let asked = 0;
    /** Vectors of one more prediction, once it is logged. */
    const vectorsOfOne = async () => {
      const [id] = outputOf(await infer(requestOf([{ origin: 'ORD' }])), 'prediction_id');
      await loggedRows((asked += 1));
      const vectors = await world.stores.predictions.servedVectors({
        endpoint: ENDPOINT,
        from: 0,
        to: Number.MAX_SAFE_INTEGER,
      });
      return vectors.filter(({ predictionId }) => predictionId === id);
    };
    await declare(1);
    const vectors = await until(vectorsOfOne, ({ length }) => length > 0);
    expect(vectors).toHaveLength(2);
    expect(new Set(vectors.map(({ version }) => version))).toEqual(new Set([champion, shadow]));
    for (const { reads } of vectors)
      expect(reads).toMatchObject([
        { use: 'origin-traffic', keys: ['ORD'], values: { origin_traffic__late_rate: Math.fround(0.9) } },
      ]);
    await declare(0);
    expect(await until(vectorsOfOne, ({ length }) => length === 0)).toEqual([]);
  });

  it('leaves a row out of the shadow of the version that answered it', async () => {
    const champion = await world.addVersion({ base: -1 });
    const challenger = await world.addVersion({ base: 1 });
    await routeTo(
      [
        { version: champion, weight: 50 },
        { version: challenger, weight: 50 },
      ],
      { shadow: [champion, challenger] },
    );
    const answer = await infer(requestOf(Array.from({ length: 200 }, (_unused, row) => ({ origin: `u${row}` }))));
    const ids = outputOf(answer, 'prediction_id');
    const versions = outputOf(answer, 'model_version');
    const buckets = await loggedRows(200);
    for (const version of [champion, challenger]) {
      const shadow = columnById(buckets, ids, (bucket) => bucket.shadow[String(version)]);
      expect(shadow.map(Number.isNaN)).toEqual(versions.map((each) => each === version));
    }
  });

  it('counts the rows of a broken challenger against the challenger only', async () => {
    const champion = await world.addVersion({ base: -1 });
    // A graph that wants an input nobody sends: it loads, and fails on every request.
    const input = {
      name: 'nobody_sends_this',
      datatype: 'FP32' as const,
      nullable: true,
      source: { kind: 'request' as const, column: 'nobody_sends_this' },
    };
    const plan = { inputs: [input], features: [{ name: input.name, expression: input.name }], encodings: [] };
    const form = { kind: 'trees', ensemble: binaryEnsemble(1, 0, []) } as const;
    const graph = fuseModel({ plan, form, classes: [], decisionThreshold: 0.5 });
    // It does not say which plan it computes, or serving would refuse to load it.
    const graphBytes = encodeModel({ ...graph, metadata: {} });
    const broken = await world.addVersion({ base: 0, graphBytes });
    await routeTo([
      { version: champion, weight: 50 },
      { version: broken, weight: 50 },
    ]);
    const answer = await infer(requestOf(Array.from({ length: 100 }, (_unused, row) => ({ origin: `u${row}` }))));
    expect(answer).toMatchObject({ status: 500, body: { code: 'PRN_INFERENCE_FAILED' } });
    const [bucket] = await loggedRows(100);
    expect(new Set(bucket?.version)).toEqual(new Set([broken]));
    expect(new Set(bucket?.error)).toEqual(new Set([1]));
    expect(new Set(bucket?.scores)).toEqual(new Set([Number.NaN]));
  });
});

describe('the event time of a row', () => {
  it('is now on a wall clock where no model reads it and the caller leaves it out', async () => {
    const wall = await openServingWorld({ clock: 'wall' });
    try {
      const process_ = await wall.start();
      const version = await wall.addVersion({ base: 0, readsView: false });
      await untilRev(wall.stores, process_, await wall.route([{ version, weight: 100 }]));
      const before = Date.now() * 1_000;
      const { inputs } = requestOf([{}], { readsView: false });
      const timeless = { inputs: inputs.filter(({ name }) => name !== 'departed_ts') };
      expect((await post(`${process_.url}/v2/models/${ENDPOINT}/infer`, timeless)).status).toBe(200);
      const [bucket] = await until(
        () => wall.logged(),
        (buckets) => buckets.length > 0,
      );
      expect(bucket?.eventTs[0]).toBeGreaterThanOrEqual(before);
      expect(bucket?.eventTs[0]).toBeLessThanOrEqual(Date.now() * 1_000);
    } finally {
      await wall.close();
    }
  });

  it('must be sent on an event clock', async () => {
    const version = await world.addVersion({ base: 0, readsView: false });
    await routeTo([{ version, weight: 100 }]);
    const { inputs } = requestOf([{}], { readsView: false });
    expect(await infer({ inputs: inputs.filter(({ name }) => name !== 'departed_ts') })).toMatchObject({
      status: 400,
      body: { error: 'Input departed_ts: it is missing.' },
    });
  });
});
