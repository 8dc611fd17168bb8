import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { getJson, putJson } from '../../store/contracts/json-artifacts.js';
import { createTrainingComputeActivities } from '../../activities/training-compute.js';
import { ModelSpec } from '../../domain/model.js';
import { EvaluatedModel, TrainedModel, TrainingDataset, TrainingSnapshot } from '../../domain/training.js';
import { type ComputeBench, newVersion } from './compute-fixture.js';
import { openFlightsBench, snapshotFlights } from './flights-fixture.js';

describe('from raw flights to a judged model', () => {
  let bench: ComputeBench;

  beforeEach(async () => {
    bench = await openFlightsBench();
  });

  afterEach(async () => {
    await bench.close();
  });

  function training() {
    return createTrainingComputeActivities({ stores: bench.stores, runJob: bench.runJob });
  }

  it('builds the dataset, trains, and passes the gate against the hour-rate baseline', async () => {
    const ref = await snapshotFlights(bench);
    const { buildTrainingDataset, trainModel, evaluateModel } = training();
    const built = await buildTrainingDataset({ snapshot: ref });
    // Train 8 January to 14 February, purge one day, holdout 15 to 28 February: 37 and 14 days of 200 flights.
    expect(built).toMatchObject({ trainRows: 37 * 200, holdoutRows: 14 * 200 });

    const trained = await trainModel({ snapshot: ref, dataset: built.dataset });
    const evaluated = await evaluateModel({ snapshot: ref, dataset: built.dataset, trained: trained.trained });
    expect(evaluated).toMatchObject({ outcome: 'passed', reasons: [], championMetrics: null });
    expect(evaluated.gateLines.map((line) => line.split(' — ')[0])).toEqual([
      'not applicable',
      'not applicable',
      'passed',
      // Nothing leaks, and nobody was promoted by these rows.
      'passed',
      'passed',
    ]);
    const { bundle } = await getJson(bench.stores.artifacts, evaluated.trained, TrainedModel);
    expect(bundle.request.map(({ name, datatype }) => `${name} ${datatype}`)).toEqual([
      'origin BYTES',
      'destination BYTES',
      'distance FP32',
      'departed_ts INT64',
    ]);
    expect(bundle.plan.inputs.map(({ name }) => name)).toEqual([
      'distance',
      'departed_ts',
      'origin_traffic__late_rate_1d',
      'origin_traffic__late_rate_7d',
      'origin_traffic__volume_7d',
      'destination_traffic__late_rate_1d',
      'destination_traffic__late_rate_7d',
      'destination_traffic__volume_7d',
    ]);
  });

  it('compares with the champion on the same rows, also where only the champion reads an input', async () => {
    const { registry, artifacts } = bench.stores;
    const { buildTrainingDataset, trainModel, evaluateModel } = training();
    const first = await snapshotFlights(bench);
    const dataset = (await buildTrainingDataset({ snapshot: first })).dataset;
    const { trained } = await trainModel({ snapshot: first, dataset });
    const { bundle, bundleDigest } = await getJson(artifacts, trained, TrainedModel);
    await registry.registerVersion({ ...(await newVersion(bench, 'r1')), bundle, bundleDigest });

    // The next candidate does without the destination's features, which the champion goes on reading.
    const pinned = await getJson(artifacts, first, TrainingSnapshot);
    const features = pinned.spec.features.filter(
      (feature) => !('view' in feature) || feature.view === 'origin-traffic',
    );
    const spec = { ...pinned.spec, features };
    const second = await putJson(artifacts, { ...pinned, spec, champion: { version: 1 }, aliasRevision: 1 });
    const built = await buildTrainingDataset({ snapshot: second });
    const candidate = await trainModel({ snapshot: second, dataset: built.dataset });
    const evaluated = await evaluateModel({ snapshot: second, dataset: built.dataset, trained: candidate.trained });
    const { evidence } = await getJson(artifacts, evaluated.evaluated, EvaluatedModel);
    expect(evidence.championVersion).toBe(1);
    expect(evidence.gates[0]).toMatchObject({ name: 'log_loss better than champion', rows: 2_800, blocks: 14 });
    const gain = (evaluated.championMetrics?.['log_loss'] ?? 0) - (evaluated.metrics['log_loss'] ?? 0);
    expect(evidence.gates[0]?.observed).toBeCloseTo(gain, 10);
  });

  it('slices by a key that no model reads, and refuses a candidate once these rows promoted another', async () => {
    const { artifacts, registry, endpoints } = bench.stores;
    const { buildTrainingDataset, trainModel, evaluateModel } = training();
    const pinned = await getJson(artifacts, await snapshotFlights(bench), TrainingSnapshot);
    const gates = [{ slice: 'origin', metric: 'calibration_gap', max: 0.2, minRows: 200 }];
    const spec = ModelSpec.parse({ ...pinned.spec, gates, evaluation: { blocks: 'day' } });
    const snapshot = await putJson(artifacts, { ...pinned, spec });
    const { dataset } = await buildTrainingDataset({ snapshot });
    const { trained } = await trainModel({ snapshot, dataset });
    const evaluate = async (pipelineId: string) => {
      const own = await putJson(artifacts, { ...pinned, spec, pipelineId });
      const { evaluated } = await evaluateModel({ snapshot: own, dataset, trained });
      return (await getJson(artifacts, evaluated, EvaluatedModel)).evidence;
    };
    const first = await evaluate('one');
    expect(first.outcome).toBe('passed');
    expect(first.holdoutUse).toEqual({
      attempt: 1,
      promotedVersion: null,
      overlap: { attempts: 0, promotions: 0, share: 0 },
    });
    expect(first.gates[0]).toMatchObject({ verdict: 'passed', name: 'calibration_gap of each origin' });
    expect(['ORD', 'DEN', 'SEA']).toContain(first.gates[0]?.slice);

    const made = await newVersion(bench, 'one');
    await registry.registerVersion({ ...made, evidence: first });
    const change = { model: 'flight-delay', version: 1, actor: 'test' };
    await registry.setStage({ ...change, from: 'none', to: 'staging', reason: 'test' });
    await endpoints.ensure('flight-delay', 'event');
    const { controller } = await endpoints.acquire('flight-delay', 'test');
    await endpoints.promote({
      ...change,
      requestId: 'one',
      endpoint: 'flight-delay',
      expectedChampion: null,
      expectedAliasRevision: 0,
      controller,
      shadow: [],
      reason: 'rollout',
      at: 1,
    });
    const second = await evaluate('two');
    expect(second.outcome).toBe('rejected');
    expect(second.holdoutUse).toMatchObject({ attempt: 2, promotedVersion: 1 });
    expect(second.reasons).toEqual([
      expect.stringContaining('version 1 came to production by these very rows (this is attempt 2 on them)'),
    ]);
    // Its own evaluation may be repeated.
    expect((await evaluate('one')).outcome).toBe('passed');
  });

  it('gives the same dataset and bundle digests when every step is repeated', async () => {
    const { buildTrainingDataset, trainModel } = training();
    const ref = await snapshotFlights(bench);
    expect(await snapshotFlights(bench)).toEqual(ref);
    const built = await buildTrainingDataset({ snapshot: ref });
    const again = await buildTrainingDataset({ snapshot: ref });
    const { artifacts } = bench.stores;
    const digest = (await getJson(artifacts, built.dataset, TrainingDataset)).digest;
    expect((await getJson(artifacts, again.dataset, TrainingDataset)).digest).toBe(digest);
    const [left, right] = [
      await trainModel({ snapshot: ref, dataset: built.dataset }),
      await trainModel({ snapshot: ref, dataset: again.dataset }),
    ];
    expect(right.bundleDigest).toBe(left.bundleDigest);
  });

  it('gives the same final bundle in another installation, for another pipeline', async () => {
    const finalDigest = async (world: ComputeBench, pipelineId: string): Promise<string> => {
      const { artifacts } = world.stores;
      const pinned = await getJson(artifacts, await snapshotFlights(world), TrainingSnapshot);
      const snapshot = await putJson(artifacts, { ...pinned, pipelineId });
      const activities = createTrainingComputeActivities({ stores: world.stores, runJob: world.runJob });
      const { dataset } = await activities.buildTrainingDataset({ snapshot });
      const { trained } = await activities.trainModel({ snapshot, dataset });
      const evaluated = await activities.evaluateModel({ snapshot, dataset, trained });
      return (await getJson(artifacts, evaluated.trained, TrainedModel)).bundleDigest;
    };
    const elsewhere = await openFlightsBench();
    try {
      expect(await finalDigest(elsewhere, 'p2')).toBe(await finalDigest(bench, 'p1'));
    } finally {
      await elsewhere.close();
    }
  });
});
