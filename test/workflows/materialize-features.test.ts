import { fileURLToPath } from 'node:url';
import { Worker } from '@temporalio/worker';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MICROS_PER_DAY, parseIso } from '../../domain/time.js';
import { materializeFeatures } from '../../workflows/materialize-features.js';
import { type FeatureBench, openFeatureBench } from '../activities/feature-fixture.js';
import { recordHistory } from '../support/histories.js';
import { openTestTemporal, type TestTemporal } from '../support/temporal.js';

const FIRST = parseIso('2024-01-01T00:00:00Z');
const DAYS = 100;

describe('materializeFeatures', () => {
  let bench: FeatureBench;
  let temporal: TestTemporal;
  let workers: Worker[];
  let running: Promise<unknown>;

  beforeEach(async () => {
    bench = await openFeatureBench();
    temporal = await openTestTemporal();
    await bench.declare('Entity', 'shop', { keys: [{ name: 'shop', type: 'string' }] });
    await bench.declare('Dataset', 'sales', {
      columns: [
        { name: 'shop', type: 'string', nullable: true },
        { name: 'at', type: 'timestamp' },
        { name: 'amount', type: 'float' },
      ],
      eventTime: 'at',
    });
    const common = { connection: temporal.nativeConnection, namespace: 'default' };
    workers = await Promise.all([
      Worker.create({
        ...common,
        taskQueue: temporal.taskQueue,
        workflowsPath: fileURLToPath(new URL('../../workflows/index.ts', import.meta.url)),
      }),
      Worker.create({ ...common, taskQueue: 'io', activities: bench.io }),
      Worker.create({
        ...common,
        taskQueue: 'compute',
        activities: bench.compute,
        maxConcurrentActivityTaskExecutions: 2,
      }),
    ]);
    running = Promise.all(workers.map((worker) => worker.run()));
  });

  afterEach(async () => {
    for (const worker of workers) worker.shutdown();
    await running;
    await temporal.close();
    await bench.close();
  });

  async function run(view: string, id: string) {
    const args: [Parameters<typeof materializeFeatures>[0]] = [
      { materializationId: id, view, requestedBy: 'test', timing: 'test' },
    ];
    const workflowId = `materialize/${view}/${id}-${temporal.taskQueue}`;
    const result = await temporal.client.workflow.execute(materializeFeatures, {
      workflowId,
      taskQueue: temporal.taskQueue,
      args,
    });
    return { workflowId, result };
  }

  it('computes a backfill chunk by chunk, brings it online, and finds nothing more to do', async () => {
    await bench.declare('FeatureView', 'turnover', {
      dataset: 'sales',
      entity: 'shop',
      keys: { shop: 'shop' },
      features: [{ name: 'sold_3d', aggregate: 'sum', expression: 'amount', window: '3d' }],
      cuts: { every: '1d' },
    });
    await bench.commit(
      'sales',
      `select 'shop-' || (i % 5) as shop, ${FIRST} + i * ${MICROS_PER_DAY / 10} as at, 1 as amount from range(${DAYS * 10}) t(i)`,
      { knownTs: FIRST },
    );
    const first = await run('turnover', 'first');
    // Cuts of day 1 to day 103 (the first without a row in its window): 103 in chunks of 31, five shops each.
    expect(first.result).toEqual({ chunks: 4, rows: 103 * 5, onlineRows: 5, commitSeq: 1 });
    await recordHistory(temporal.client, first.workflowId, 'materializeFeatures/backfill');
    expect(await bench.stores.features.state('turnover')).toMatchObject({ commitSeq: 1, sinceSeq: 1, seq: 4 });
    expect([...(await bench.online('turnover')).values()]).toEqual(
      Array.from({ length: 5 }, () => ({
        values: { sold_3d: null },
        eventTs: FIRST + 103 * MICROS_PER_DAY,
        deleted: false,
      })),
    );
    const again = await run('turnover', 'again');
    expect(again.result).toEqual({ chunks: 0, rows: 0, onlineRows: 0, commitSeq: 1 });
  });

  it('plans no more than one payload holds', async () => {
    await bench.declare('FeatureView', 'hourly', {
      dataset: 'sales',
      entity: 'shop',
      keys: { shop: 'shop' },
      features: [{ name: 'sold_1h', aggregate: 'count', window: '1h' }],
      cuts: { every: '1h' },
    });
    // 34 176 cuts in chunks of 31 are 1103.
    await bench.commit(
      'sales',
      `select 'a' as shop, ${FIRST} + i * ${34_174} * ${MICROS_PER_DAY / 24} as at, 1 as amount from range(2) t(i)`,
      { knownTs: FIRST },
    );
    const { chunks } = await bench.io.planMaterialization({
      at: await bench.io.pinMaterialization({ view: 'hourly', through: null }),
      limit: 64,
    });
    expect(chunks.length).toBe(64);
    expect(Buffer.byteLength(JSON.stringify(chunks))).toBeLessThan(16_384);
  });
});
