import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getJson, putJson } from '../../store/contracts/json-artifacts.js';
import { evaluateModel } from '../../activities/jobs/evaluate-model.js';
import { getFloats } from '../../activities/jobs/float-artifacts.js';
import { trainModel } from '../../activities/jobs/train-model.js';
import { type ArtifactRef, MEDIA_TYPES } from '../../domain/artifact.js';
import { GoldenRows } from '../../domain/bundle.js';
import type { FeaturePlan } from '../../domain/features.js';
import { metricValue } from '../../domain/metrics.js';
import { ModelSpec } from '../../domain/model.js';
import { splitBounds } from '../../domain/split.js';
import { MICROS_PER_DAY as DAY } from '../../domain/time.js';
import { TrainedModel } from '../../domain/training.js';
import { quoteText } from '../../ml/features/expression/sql.js';
import { type JobBench, openJobBench, snapshotOf } from './training-fixture.js';

const PLAN: FeaturePlan = {
  inputs: [{ name: 'x', datatype: 'FP32', nullable: true, source: { kind: 'request', column: 'x' } }],
  features: [{ name: 'x', expression: 'x' }],
  encodings: [],
};
const ROWS_A_DAY = 20;
/** Labels of day 16 are known then. */
const AS_OF = 17.5 * DAY;

describe('training with a rolling origin', () => {
  let bench: JobBench;

  beforeAll(async () => {
    bench = await openJobBench();
  });

  afterAll(() => bench.close());

  /** Twenty rows a day, whose label is the number of the day. */
  async function part(from: number, to: number): Promise<ArtifactRef> {
    const path = await bench.context.artifacts.scratchPath('parquet');
    await bench.context.tables.use((session) =>
      session.execute(`copy (
        select (i * ${DAY / ROWS_A_DAY})::bigint as event_ts, (i // ${ROWS_A_DAY})::double as label, (hash(i) % 7)::real as x
        from range(${17 * ROWS_A_DAY}) t(i) where event_ts >= ${from} and event_ts < ${to} order by i
      ) to ${quoteText(path)} (format parquet)`),
    );
    return bench.context.artifacts.adopt(path, MEDIA_TYPES.parquet);
  }

  /** Two folds of three days, days 11 to 13 and 14 to 16, each after a purge of one day; the model is a mean. */
  async function train(split: object) {
    const { artifacts } = bench.context;
    const snapshot = snapshotOf();
    const spec = ModelSpec.parse({
      ...snapshot.spec,
      task: 'regression',
      features: [{ request: 'x' }],
      spine: { ...snapshot.spec.spine, keys: [] },
      trainer: { kind: 'baseline', parameters: { method: 'mean' } },
      split: { holdout: '3d', folds: 2, purge: '1d', ...split },
    });
    const bounds = splitBounds(spec, AS_OF, 0);
    const dataset = {
      train: await part(bounds.trainFrom, bounds.trainTo),
      holdout: await part(bounds.holdoutFrom, bounds.holdoutTo),
      trainRows: 1,
      holdoutRows: 6 * ROWS_A_DAY,
      digest: 'd',
    };
    const input = {
      snapshot: await putJson(artifacts, { ...snapshot, views: [], spec, split: bounds }),
      dataset: await putJson(artifacts, dataset),
      plan: PLAN,
    };
    const { trained } = await trainModel(input, bench.context);
    const { bundle, foldScores } = await getJson(artifacts, trained, TrainedModel);
    const { scores } = await getJson(artifacts, bundle.goldenRows, GoldenRows);
    const byFold = foldScores === undefined ? null : await getFloats(artifacts, foldScores);
    return { input, trained, served: new Set(scores), byFold };
  }

  /** A mean for each fold. */
  const folded = (means: readonly number[]): number[] =>
    means.flatMap((mean) => Array.from({ length: 3 * ROWS_A_DAY }, () => Math.fround(mean)));

  it('scores each fold by a model of what came before it, and serves the last one', async () => {
    const { served, byFold } = await train({});
    // Days 0 to 9 before the first fold; those, and 11 and 12, before the second: 13 is purged, 10 in no part.
    expect([...(byFold ?? [])]).toEqual(folded([4.5, (45 + 11 + 12) / 12]));
    expect(served).toEqual(new Set([Math.fround(68 / 12)]));
  });

  it('trains on the stretch before each fold where it trails', async () => {
    // Days 5 to 9, then 8 to 12 without 10.
    expect([...((await train({ train: { trailing: '5d' } })).byFold ?? [])]).toEqual(
      folded([7, (8 + 9 + 11 + 12) / 4]),
    );
  });

  it('is judged by the scores of all folds together', async () => {
    const { input, trained } = await train({});
    const { evidence } = await evaluateModel({ ...input, trained, champion: null }, bench.context);
    const second = 68 / 12;
    const errors = [11 - 4.5, 12 - 4.5, 13 - 4.5, 14 - second, 15 - second, 16 - second];
    const rmse = Math.sqrt(errors.reduce((sum, error) => sum + error ** 2, 0) / errors.length);
    expect(evidence.rows).toBe(6 * ROWS_A_DAY);
    expect(metricValue(evidence.metrics, 'rmse')).toBeCloseTo(rmse, 5);
  });

  it('is the plain thing with one fold', async () => {
    const { byFold, served } = await train({ folds: 1 });
    expect(byFold).toBeNull();
    // Days 0 to 12.
    expect(served).toEqual(new Set([6]));
  });
});
