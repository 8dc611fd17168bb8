import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getJson, putJson } from '../../store/contracts/json-artifacts.js';
import { evaluateModel } from '../../activities/jobs/evaluate-model.js';
import { prepareSearch } from '../../activities/jobs/search/prepare-search.js';
import { readModelRows } from '../../activities/jobs/model-rows.js';
import { runTrial } from '../../activities/jobs/search/run-trial.js';
import { scoreExternalTrial } from '../../activities/jobs/search/score-trial.js';
import { trainModel } from '../../activities/jobs/train-model.js';
import type { TrainingInput } from '../../activities/jobs/training-parts.js';
import { type ArtifactRef, MEDIA_TYPES } from '../../domain/artifact.js';
import type { TrainerAnswer } from '../../domain/external-training.js';
import { SearchPlan, SearchReport } from '../../domain/search.js';
import { MICROS_PER_DAY as DAY } from '../../domain/time.js';
import { TrainedModel, type TrainingSnapshot } from '../../domain/training.js';
import { quoteText } from '../../ml/features/expression/sql.js';
import { encodeModel, type OnnxGraph } from '../../ml/onnx/writer.js';
import { RATE_BY_NAME } from './foreign-graphs.js';
import { type JobBench, openJobBench, PLAN, snapshotOf, storeTraining } from './training-fixture.js';

const SEARCH = { trials: 5, over: { depth: [2, 4] }, validation: { last: '10d' } };
const TRAINER = { kind: 'gbdt', parameters: { trees: 20, depth: 3 }, seed: 7 };

describe('a search on training rows', () => {
  let bench: JobBench;

  beforeAll(async () => {
    bench = await openJobBench();
  });

  afterAll(() => bench.close());

  async function inputOf(snapshot: TrainingSnapshot): Promise<TrainingInput> {
    return { ...(await storeTraining(bench, snapshot)), plan: PLAN };
  }

  async function planOf(input: TrainingInput): Promise<{ ref: ArtifactRef; plan: SearchPlan }> {
    const { plan: ref } = await prepareSearch(input, bench.context);
    return { ref, plan: await getJson(bench.context.artifacts, ref, SearchPlan) };
  }

  async function timesOf(data: ArtifactRef): Promise<{ first: number; last: number; carriers: string }> {
    const path = quoteText(await bench.context.artifacts.localPath(data));
    const [row = {}] = await bench.context.tables.use((session) =>
      session.rows(
        `select min(event_ts) as first, max(event_ts) as last, list_sort(list_distinct(list(carrier))) as carriers from read_parquet(${path})`,
      ),
    );
    return { first: Number(row['first']), last: Number(row['last']), carriers: String(row['carriers']) };
  }

  it('puts the last training rows aside, purged, and never sees the holdout', async () => {
    const input = await inputOf(snapshotOf({ trainer: { ...TRAINER, search: SEARCH } }));
    const { plan, ref } = await planOf(input);
    // 4 000 rows over 40 days: 29 to fit, one purged, ten to judge on.
    expect([plan.fit.rows, plan.validation.rows]).toEqual([2_900, 1_000]);
    expect((await timesOf(plan.fit.data)).last).toBeLessThan(29 * DAY);
    const { first, last } = await timesOf(plan.validation.data);
    expect([first, last < 40 * DAY]).toEqual([30 * DAY, true]);
    expect(plan).toMatchObject({
      metric: 'log_loss',
      trials: 2,
      validatedOn: 'the last 10d of the training rows',
      declared: { trees: 20, depth: 3, learningRate: 0.1 },
    });
    expect((await planOf(input)).ref).toEqual(ref);
  });

  it('encodes texts by the rows to fit alone', async () => {
    const input = await inputOf(snapshotOf({ trainer: { ...TRAINER, search: SEARCH } }));
    const dataset = JSON.parse(new TextDecoder().decode(await bench.context.artifacts.get(input.dataset)));
    const from = quoteText(await bench.context.artifacts.localPath(dataset.train));
    const path = await bench.context.artifacts.scratchPath('parquet');
    await bench.context.tables.use((session) =>
      session.execute(
        `copy (select * replace (case when event_ts >= ${30 * DAY} then 'new' else carrier end as carrier) from read_parquet(${from})) to ${quoteText(path)} (format parquet)`,
      ),
    );
    const train = await bench.context.artifacts.adopt(path, MEDIA_TYPES.parquet);
    const { plan } = await planOf({ ...input, dataset: await putJson(bench.context.artifacts, { ...dataset, train }) });
    expect((await timesOf(plan.fit.data)).carriers).toBe('[0,1,2]');
    expect((await timesOf(plan.validation.data)).carriers).toBe('[-1]');
  });

  it('refuses parts that are too small to tell anything', async () => {
    const search = { ...SEARCH, validation: { last: '39d' } };
    const input = await inputOf(snapshotOf({ trainer: { ...TRAINER, search } }));
    await expect(prepareSearch(input, bench.context)).rejects.toThrow(
      'has 0 rows to fit and 3900 to judge on, of 4000 training rows: both need 20 at least',
    );
  });

  it('judges parameters: one that learns beats one that does not, the same each time', async () => {
    const { ref } = await planOf(await inputOf(snapshotOf({ trainer: { ...TRAINER, search: SEARCH } })));
    const run = (parameters: object) => runTrial({ plan: ref, parameters: { ...parameters } }, bench.context);
    const good = await run({ trees: 60, depth: 4, learningRate: 0.1 });
    const poor = await run({ trees: 1, depth: 1, learningRate: 0.01 });
    expect(good.loss).toBeLessThan(poor.loss - 0.05);
    expect(good.metrics).toMatchObject({ log_loss: good.loss, iterations: 60 });
    expect(good.metrics['roc_auc']).toBeGreaterThan(0.65);
    expect(await run({ trees: 60, depth: 4, learningRate: 0.1 })).toEqual(good);
  });

  it('stops boosting early by rows to fit, as training does, and says after how many iterations', async () => {
    const { ref } = await planOf(await inputOf(snapshotOf({ trainer: { ...TRAINER, search: SEARCH } })));
    const parameters = { trees: 400, depth: 6, learningRate: 0.3, earlyStopping: 5 };
    const { metrics } = await runTrial({ plan: ref, parameters }, bench.context);
    expect(metrics['iterations']).toBeLessThan(100);
  });

  it.each([
    [{ kind: 'linear', parameters: {}, search: { trials: 3, over: { l2: [0.1, 1] } } }],
    [{ kind: 'baseline', parameters: { method: 'majority' }, search: { trials: 3, over: { priorRows: [1, 100] } } }],
  ])('fits %j', async (trainer) => {
    const { ref, plan } = await planOf(await inputOf(snapshotOf({ trainer })));
    const { loss } = await runTrial({ plan: ref, parameters: plan.declared }, bench.context);
    expect(loss).toBeGreaterThan(0.4);
    expect(loss).toBeLessThan(0.7);
  });

  /** Probability 0.1 + distance / 5000, from the first of four features. */
  const FOREIGN: OnnxGraph = {
    name: 'foreign',
    nodes: [
      { op: 'Gather', inputs: ['x', 'first'], outputs: ['d'], attributes: { axis: { kind: 'int', value: 1 } } },
      { op: 'Mul', inputs: ['d', 'slope'], outputs: ['rising'] },
      { op: 'Add', inputs: ['rising', 'base'], outputs: ['p'] },
    ],
    initializers: [
      { name: 'first', type: 'INT64', shape: [1], values: [0] },
      { name: 'slope', type: 'FLOAT', shape: [1], values: [1 / 5_000] },
      { name: 'base', type: 'FLOAT', shape: [1], values: [0.1] },
    ],
    inputs: [{ name: 'x', type: 'FLOAT', shape: [-1, 4] }],
    outputs: [{ name: 'p', type: 'FLOAT', shape: [-1, 1] }],
  };

  it('scores what a trainer elsewhere left on the rows put aside, and trusts it no further than a model', async () => {
    const { artifacts } = bench.context;
    const trainer = { kind: 'python', name: 'mine', parameters: { a: 1 }, search: { trials: 3, over: { b: [1, 2] } } };
    const { ref, plan } = await planOf(await inputOf(snapshotOf({ trainer })));
    expect(plan).toMatchObject({ declared: { a: 1 }, trials: 2 });
    expect(plan.sample.length).toBeGreaterThan(200);
    expect(plan.sample.at(-1)).toBeLessThan(plan.fit.rows);
    const score = async (graph: OnnxGraph) => {
      const answer: TrainerAnswer = {
        onnx: await artifacts.put(encodeModel(graph), MEDIA_TYPES.onnx),
        output: 'p',
        samplePredictions: null,
        predictedBy: 'onnx',
        environment: { packages: {} },
        metrics: [],
        log: null,
        attempt: 1,
        trainerDigest: 'd',
      };
      return scoreExternalTrial({ plan: ref, answer: await putJson(artifacts, answer) }, bench.context);
    };
    const rows = await readModelRows(bench.context, plan.validation.data, ['distance']);
    const losses = Array.from(rows.labels, (label, row) => {
      const probability = Math.fround(Math.fround(Number(rows.columns['distance']?.[row]) / 5_000) + Math.fround(0.1));
      return -Math.log(label === 1 ? probability : 1 - probability);
    });
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
    expect((await score(FOREIGN)).loss).toBeCloseTo(mean, 5);
    await expect(score(RATE_BY_NAME)).rejects.toThrow(
      /of the rows put aside, .* of 800 rows have predictions that are not finite numbers/,
    );
  });

  it('fits the chosen parameters on all training rows, and says why to the end', async () => {
    const { artifacts } = bench.context;
    const searched = await inputOf(snapshotOf({ trainer: { ...TRAINER, search: SEARCH } }));
    const { ref, plan } = await planOf(searched);
    const parameters = { ...plan.declared, depth: 4 };
    const report: SearchReport = {
      searchVersion: 1,
      plan: ref,
      metric: 'log_loss',
      ended: 'all_trials',
      trials: [{ index: 0, parameters, state: 'finished', loss: 0.6 }],
      chosen: 0,
      parameters,
      reason: 'because',
    };
    const search = await putJson(artifacts, SearchReport.parse(report));
    const { trained, bundleDigest } = await trainModel({ ...searched, search }, bench.context);
    const plain = await inputOf(snapshotOf({ trainer: { ...TRAINER, parameters: { trees: 20, depth: 4 } } }));
    expect(bundleDigest).toBe((await trainModel(plain, bench.context)).bundleDigest);
    const evaluated = await evaluateModel({ ...searched, trained, champion: null }, bench.context);
    const { search: kept } = await getJson(artifacts, evaluated.trained, TrainedModel);
    expect(kept).toEqual({ report: search, reason: 'because', parameters });
  });
});
