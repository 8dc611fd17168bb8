import type { Client } from '@temporalio/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MICROS_PER_DAY, parseIso } from '../../domain/time.js';
import type { SqlValue } from '../../store/contracts/tables.js';
import { materializeFeatures } from '../../workflows/materialize-features.js';
import { type FeatureBench, openFeatureBench } from '../activities/feature-fixture.js';
import { recordHistory } from '../support/histories.js';
import { openTestTemporal, type TestTemporal } from '../support/temporal.js';
import { startWorkers, type TestWorkers } from '../support/workers.js';

type Input = Parameters<typeof materializeFeatures>[0];

const FIRST = parseIso('2024-01-01T00:00:00Z');
const DAYS = 100;
/** Cuts of day 1 to day 103, the first without a row in its window, for five shops, in chunks of 31 cuts. */
const BACKFILL = { chunks: 4, rows: 103 * 5, onlineRows: 5, commitSeq: 1 };
const TURNOVER = {
  dataset: 'sales',
  entity: 'shop',
  keys: { shop: 'shop' },
  features: [{ name: 'sold_3d', aggregate: 'sum', expression: 'amount', window: '3d' }],
  cuts: { every: '1d' },
};

describe('materializeFeatures', () => {
  let bench: FeatureBench;
  let temporal: TestTemporal;
  let workers: TestWorkers;
  /** Chunks in the order in which they were computed, and what happens meanwhile. */
  let computed: string[];
  let whileComputing: (chunks: number) => Promise<void>;
  /** Called once a chunk is kept, before its workflow hears of it. */
  let afterCommit: (chunkId: string) => void;

  beforeEach(async () => {
    computed = [];
    whileComputing = () => Promise.resolve();
    afterCommit = () => undefined;
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
    const { io, compute } = bench;
    workers = await startWorkers(temporal, {
      orchestration: temporal.taskQueue,
      io: {
        ...io,
        commitChunk: async (input: Parameters<typeof io.commitChunk>[0]) => {
          const kept = await io.commitChunk(input);
          afterCommit(input.chunk.chunkId);
          return kept;
        },
      },
      compute: {
        ...compute,
        materializeChunk: async (input: Parameters<typeof compute.materializeChunk>[0]) => {
          computed.push(input.chunk.chunkId);
          await whileComputing(computed.length);
          return compute.materializeChunk(input);
        },
      },
      computeSlots: 2,
    });
  });

  afterEach(async () => {
    await workers.stop();
    await temporal.close();
    await bench.close();
  });

  async function run(view: string, id: string, limits?: Input['limits']) {
    const input: Input = {
      materializationId: id,
      view,
      requestedBy: 'test',
      timing: 'test',
      ...(limits !== undefined && { limits }),
    };
    const workflowId = `materialize/${view}/${id}-${temporal.taskQueue}`;
    const options = { workflowId, taskQueue: temporal.taskQueue, args: [input] as [Input] };
    const handle = await temporal.client.workflow.start(materializeFeatures, options);
    return { workflowId, firstRunId: handle.firstExecutionRunId, result: await handle.result() };
  }

  /** A hundred days of ten sales in five shops. */
  const commitSales = () =>
    bench.commit(
      'sales',
      `select 'shop-' || (i % 5) as shop, ${FIRST} + i * ${MICROS_PER_DAY / 10} as at, 1 as amount from range(${DAYS * 10}) t(i)`,
      { knownTs: FIRST },
    );

  it('computes a backfill chunk by chunk, brings it online, and finds nothing more to do', async () => {
    await bench.declare('FeatureView', 'turnover', TURNOVER);
    await commitSales();
    const first = await run('turnover', 'first');
    expect(first.result).toEqual(BACKFILL);
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

  it('goes on as new runs while rows are committed and pushed and an activity fails, and does nothing twice', async () => {
    for (const view of ['turnover', 'turnover-once']) await bench.declare('FeatureView', view, TURNOVER);
    await commitSales();
    const push = (view: string) =>
      bench.stores.features.savePush(
        {
          view,
          viewRevision: 1,
          pushId: 'p1',
          receivedTs: FIRST + 60 * MICROS_PER_DAY,
          online: true,
          digest: 'd',
          rows: [{ keys: ['shop-9'], eventTs: FIRST + 50 * MICROS_PER_DAY, deleted: false, values: { sold_3d: 7 } }],
        },
        true,
      );
    whileComputing = async (chunks) => {
      // The first run: rows that came late. The second: a row that is pushed after both had drained.
      if (chunks === 2)
        await bench.commit('sales', `select 'shop-1' as shop, ${FIRST + 20 * MICROS_PER_DAY} as at, 5 as amount`, {
          knownTs: FIRST + 21 * MICROS_PER_DAY,
        });
      if (chunks === 3) await push('turnover');
    };
    const lost: string[] = [];
    afterCommit = (chunkId) => {
      if (computed.length !== 3 || lost.length > 0) return;
      lost.push(chunkId);
      throw new Error('the worker ends before it could say that the chunk is kept');
    };

    const first = await run('turnover', 'first', { chunksPerPlan: 1, plansPerRun: 2 });
    const runIds = await runsOf(temporal.client, first);
    expect(runIds.length).toBe(3);
    expect(lost).toEqual(computed.slice(2, 3));
    // What was pinned at first is read to the end, and each chunk was computed once.
    expect(first.result).toEqual({ chunks: 5, rows: BACKFILL.rows + 1, onlineRows: 6, commitSeq: 1 });
    expect([computed.length, new Set(computed).size]).toEqual([4, 4]);
    const [earliest = ''] = runIds;
    const { workflowId } = first;
    await recordHistory(temporal.client, { workflowId, runId: earliest }, 'materializeFeatures/continued');
    await recordHistory(temporal.client, workflowId, 'materializeFeatures/resumed');

    whileComputing = () => Promise.resolve();
    // The late row touches the cuts of days 21 to 24, all in the first chunk.
    expect((await run('turnover', 'second')).result).toMatchObject({ chunks: 1, commitSeq: 2 });
    await push('turnover-once');
    await run('turnover-once', 'once');
    const [continued, once] = [await bench.history('turnover'), await bench.history('turnover-once')];
    expect(new Set(continued.map(rankOf)).size).toBe(continued.length);
    expect(winners(continued)).toEqual(winners(once));
    expect(await bench.online('turnover')).toEqual(await bench.online('turnover-once'));
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

/** Ids of all runs of a workflow that went on as new, in order. */
async function runsOf(
  client: Client,
  { workflowId, firstRunId }: { workflowId: string; firstRunId: string },
): Promise<string[]> {
  const runIds: string[] = [];
  for (let runId: string | null | undefined = firstRunId; runId != null && runId !== '';) {
    runIds.push(runId);
    const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    runId = events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
  }
  return runIds;
}

function rankOf({ shop, event_ts, known_ts, seq }: Record<string, SqlValue>): string {
  return [shop, event_ts, known_ts, seq].join('/');
}

/** Of each entity and event the row that wins; `seq` tells only by which commit a cut was computed. */
function winners(rows: readonly Record<string, SqlValue>[]): unknown[] {
  const last = new Map(rows.map((row) => [`${String(row['shop'])}/${String(row['event_ts'])}`, row]));
  return [...last.values()].map(({ seq: _seq, ...row }) => row);
}
