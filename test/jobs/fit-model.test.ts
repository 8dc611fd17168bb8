import { rm } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { getJson, putJson } from '../../store/contracts/json-artifacts.js';
import { fitModel, type ModelFitting } from '../../activities/jobs/fit-model.js';
import { TrainingCheckpoint } from '../../activities/jobs/training-checkpoint.js';
import { MEDIA_TYPES } from '../../domain/artifact.js';
import type { Task } from '../../domain/task.js';
import { builtInTrainer } from '../../ml/training/train.js';
import { madeRows } from '../ml/training/made-rows.js';
import { type JobBench, openJobBench } from './training-fixture.js';

const NAMES = ['number', 'code', 'few', 'noise'];

function fitting(task: Task, kind: 'gbdt' | 'linear' | 'baseline', parameters: object): ModelFitting {
  const classes = task === 'multiclass' ? ['a', 'b', 'c'] : [];
  const rows = madeRows({ task, rows: 800, seed: 1, outputs: Math.max(1, classes.length) });
  return {
    key: 'run',
    trainer: builtInTrainer({ kind, parameters, seed: 7 }),
    data: { ...rows, classes, names: NAMES },
  };
}

describe('fitting as a job', () => {
  let bench: JobBench;

  beforeEach(async () => {
    bench = await openJobBench();
  });

  afterEach(() => bench.close());

  it.each(['binary', 'multiclass', 'regression'] as const)(
    'goes on from a checkpoint to the same trees: %s',
    async (task) => {
      // Categorical splits, and thresholds behind which only missing values lie, must survive being stored.
      const model = fitting(task, 'gbdt', { trees: 60, minLeafRows: 5, earlyStopping: 40 });
      const whole = await fitModel(bench.context, model);
      const checkpoint = bench.reported
        .map((each) => TrainingCheckpoint.safeParse(each.checkpoint))
        .find(({ success }) => success);
      expect(checkpoint?.data?.iteration).toBe(task === 'multiclass' ? 75 : 25);
      const before = bench.reported.length;
      expect(await fitModel({ ...bench.context, resumeFrom: checkpoint?.data }, model)).toEqual(whole);
      expect(bench.reported[before]?.message).toMatch(/^tree 26 of 60, training loss [\d.]+, validation loss [\d.]+$/);
    },
  );

  it.each([
    [
      'of a run with other data or parameters',
      async (own: TrainingCheckpoint) => ({ ...own, key: 'another' }),
      'is of a',
    ],
    ['in another form', async ({ key, trees }: TrainingCheckpoint) => ({ key, booster: trees }), 'has another form'],
    [
      'whose trees are in another form',
      async (own: TrainingCheckpoint) => ({
        ...own,
        trees: await putJson(bench.context.artifacts, { featureCount: 4, trees: [{ feature: [0] }] }),
      }),
      'holds trees in another form',
    ],
    [
      'whose trees are no JSON',
      async (own: TrainingCheckpoint) => ({
        ...own,
        trees: await bench.context.artifacts.put(Uint8Array.of(1, 2, 3), MEDIA_TYPES.json),
      }),
      'holds trees in another form',
    ],
  ])('starts anew, and says why, at a checkpoint %s', async (_what, spoil, why) => {
    const model = fitting('binary', 'gbdt', { trees: 26 });
    const whole = await fitModel(bench.context, model);
    const [checkpoint] = bench.reported.flatMap((each) => (each.checkpoint === undefined ? [] : [each.checkpoint]));
    const before = bench.reported.length;
    const resumeFrom = await spoil(TrainingCheckpoint.parse(checkpoint));
    expect(await fitModel({ ...bench.context, resumeFrom }, model)).toEqual(whole);
    expect(bench.reported[before]?.message).toContain(`starting anew: the checkpoint ${why}`);
    expect(bench.reported[before + 1]?.message).toMatch(/^tree 1 of 26/);
  });

  it('stores each tree once, and goes on from what all checkpoints have together', async () => {
    const { artifacts } = bench.context;
    const model = fitting('binary', 'gbdt', { trees: 80 });
    const whole = await fitModel(bench.context, model);
    const checkpoints = bench.reported.flatMap(({ checkpoint }) =>
      checkpoint === undefined ? [] : [TrainingCheckpoint.parse(checkpoint)],
    );
    const sizes = async ({ trees }: TrainingCheckpoint) =>
      (await getJson(artifacts, trees, z.object({ trees: z.array(z.unknown()) }))).trees.length;
    expect(await Promise.all(checkpoints.map(sizes))).toEqual([25, 25, 25]);

    const [first, second, third] = checkpoints;
    if (first === undefined) throw new Error('there was no checkpoint');
    bench.reported.length = 0;
    expect(await fitModel({ ...bench.context, resumeFrom: second }, model)).toEqual(whole);
    expect(bench.reported.map(({ checkpoint }) => checkpoint).filter(Boolean)).toEqual([third]);

    await rm(await artifacts.localPath(first.trees));
    bench.reported.length = 0;
    expect(await fitModel({ ...bench.context, resumeFrom: second }, model)).toEqual(whole);
    expect(bench.reported[0]?.message).toBe('starting anew: the checkpoint is gone');
  });

  it('reports the iterations of a linear model', async () => {
    const form = await fitModel(bench.context, fitting('multiclass', 'linear', {}));
    expect(form).toMatchObject({ kind: 'linear', model: { converged: true } });
    expect(bench.reported[0]?.message).toMatch(/^iteration 1, training loss [\d.]+$/);
  });

  it('refuses parameters that the trainer does not have', () => {
    expect(() => fitting('binary', 'linear', { trees: 5 })).toThrow(
      expect.objectContaining({ code: 'PRN_TRAINING_INVALID_PARAMETER' }),
    );
  });
});
