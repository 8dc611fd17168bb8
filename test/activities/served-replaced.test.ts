import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createServedFeatureActivities } from '../../activities/served-features.js';
import type { ServedVector } from '../../domain/served-vector.js';
import { MICROS_PER_DAY as DAY, parseIso } from '../../domain/time.js';
import { sha256Hex } from '../../store/contracts/digests.js';
import { int64 } from '../../store/mongo/database.js';
import { newVersion, RESOURCES } from './compute-fixture.js';
import { type FeatureBench, openFeatureBench } from './feature-fixture.js';

const T = parseIso('2024-01-01T00:00:00Z');
const ENDPOINT = 'flight-delay';
/** `seq` of the first row of a commit. */
const FIRST_ROW = 2 ** 32;

describe('features served from a dataset that was replaced', () => {
  let bench: FeatureBench;

  beforeAll(async () => {
    bench = await openFeatureBench();
    await bench.declare('Entity', 'shop', { keys: [{ name: 'shop', type: 'string' }] });
    const price = { name: 'price', type: 'float' };
    const columns = [{ name: 'shop', type: 'string' }, { name: 'at', type: 'timestamp' }, price];
    await bench.declare('Dataset', 'prices', { columns, eventTime: 'at', keys: ['shop'], mode: 'replace' });
    const features = [{ name: 'price', expression: 'price' }];
    await bench.declare('FeatureView', 'price', {
      dataset: 'prices',
      entity: 'shop',
      keys: { shop: 'shop' },
      features,
    });
    await commit([`('a', ${T}, 5)`, `('a', ${T + DAY}, 7)`], 2);
    // The first row has another price, the second is gone.
    await commit([`('a', ${T}, 6)`], 10);
    await bench.apply(RESOURCES.model);
    await bench.stores.endpoints.ensure(ENDPOINT, 'wall');
    const version = await newVersion(bench, 'r1');
    await bench.stores.registry.registerVersion({
      ...version,
      bundle: {
        ...version.bundle,
        views: [
          {
            view: 'price',
            revision: 1,
            keys: [{ key: 'shop', type: 'string', request: 'shop' }],
            features: ['price'],
            types: { price: 'float' },
            maxAgeMicros: null,
          },
        ],
        plan: {
          inputs: [
            {
              name: 'price',
              datatype: 'FP32',
              nullable: true,
              source: { kind: 'view', view: 'price', feature: 'price' },
            },
          ],
          features: [{ name: 'price', expression: 'price' }],
          encodings: [],
        },
      },
    });
  });

  afterAll(() => bench.close());

  async function commit(rows: readonly string[], day: number): Promise<void> {
    const select = `select * from (values ${rows.join(', ')}) t(shop, "at", price)`;
    await bench.commit('prices', select, { knownTs: T + day * DAY, replaces: true });
    await bench.materialize('price');
  }

  /** Checks one prediction about shop a that read a row of these times on that day. */
  async function check(day: number, price: number, [event, known, seq]: readonly [number, number, number]) {
    const eventTs = T + day * DAY;
    const row = { eventTs: T + event * DAY, knownTs: T + known * DAY, seq };
    const read = { use: 'price', keys: ['a'], row, values: { price } };
    const vector: ServedVector = { predictionId: 'p', version: 1, eventTs, readTs: eventTs + DAY / 24, reads: [read] };
    const span = { minEventTs: int64(eventTs), maxEventTs: int64(eventTs) };
    await bench.database
      .collection('prediction_buckets')
      .insertOne({ _id: `b${day}-${price}`, endpoint: ENDPOINT, ...span, served: [vector] });
    const { checkServedFeatures } = createServedFeatureActivities({ ...bench, now: () => 1, sha256Hex });
    return checkServedFeatures({ endpoint: ENDPOINT, windowStart: eventTs, windowEnd: eventTs + 1 });
  }

  const lineOf = (found: string) => [`features of 1 sampled predictions recomputed: ${found}`];

  it('are as history has them before and after, and not compared with rows that had been withdrawn', async () => {
    expect(await check(5, 7, [1, 2, FIRST_ROW + 1])).toEqual({ alerts: [], lines: lineOf('1 as history has them') });
    expect(await check(12, 6, [0, 10, 2 * FIRST_ROW])).toEqual({ alerts: [], lines: lineOf('1 as history has them') });
  });

  it('are late where a withdrawn row was served before the replacement was online', async () => {
    const { lines } = await check(10, 7, [1, 2, FIRST_ROW + 1]);
    expect(lines).toEqual(lineOf('0 as history has them, 1 published late, up to 3600 s after they were known'));
  });

  it('are different where no version had them', async () => {
    const { alerts, lines } = await check(13, 8, [1, 2, FIRST_ROW + 1]);
    expect(lines).toEqual(lineOf('0 as history has them, 1 DIFFERENT'));
    expect(alerts).toMatchObject([{ severity: 'page' }]);
  });
});
