import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trainModel } from '../../../activities/jobs/train-model.js';
import { type ComputePool, createComputePool } from '../../../workers/compute/pool.js';
import { type JobBench, openJobBench, PLAN, snapshotOf, storeTraining } from '../../jobs/training-fixture.js';

describe('the product’s jobs in the pool', () => {
  let bench: JobBench;
  let pool: ComputePool;

  beforeAll(async () => {
    bench = await openJobBench();
    pool = createComputePool({
      size: 1,
      environment: {
        artifactFolder: join(bench.folder, 'artifacts'),
        spillFolder: join(bench.folder, 'spill'),
        readableFolders: [],
        tableMemoryMb: 256,
        tableThreads: 1,
        boostingThreads: 1,
      },
      threadEntry: new URL('./product-thread.mjs', import.meta.url),
    });
  });

  afterAll(async () => {
    await pool.close();
    await bench.close();
  });

  it('trains and evaluates with engines of the thread, to the very bytes of this thread', async () => {
    const input = { ...(await storeTraining(bench, snapshotOf({ trees: 30 }))), plan: PLAN };
    const checkpoints: unknown[] = [];
    const trained = await pool.runJob('trainModel', input, {
      onProgress: ({ checkpoint }) => checkpoints.push(...(checkpoint === undefined ? [] : [checkpoint])),
    });
    expect(checkpoints).toMatchObject([{ iteration: 25 }]);
    expect(trained).toEqual(await trainModel(input, bench.context));
    const { evidence } = await pool.runJob('evaluateModel', { ...input, trained: trained.trained, champion: null });
    expect(evidence.rows).toBe(1_400);
  });

  it('frees the thread soon after a training run is cancelled', async () => {
    const input = { ...(await storeTraining(bench, snapshotOf({ trees: 2_000 }))), plan: PLAN };
    const controller = new AbortController();
    const running = pool.runJob('trainModel', input, {
      signal: controller.signal,
      onProgress: ({ checkpoint }) => {
        if (checkpoint !== undefined) controller.abort(new Error('cancelled by a person'));
      },
    });
    await expect(running).rejects.toThrow('cancelled by a person');
    const input2 = { ...(await storeTraining(bench, snapshotOf({ trees: 2 }))), plan: PLAN };
    expect(await pool.runJob('trainModel', input2)).toMatchObject({
      bundleDigest: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it('names the column or file when a dataset is not what it should be', async () => {
    const stored = await storeTraining(bench, snapshotOf());
    const [first, ...rest] = PLAN.inputs;
    const plan = { ...PLAN, inputs: [{ ...(first ?? expect.fail('no input')), name: 'seats' }, ...rest] };
    await expect(pool.runJob('trainModel', { ...stored, plan })).rejects.toMatchObject({
      code: 'PRN_TABLE_QUERY_FAILED',
      message: expect.stringContaining('seats'),
    });
  });
});
