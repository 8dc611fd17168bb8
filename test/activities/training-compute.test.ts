import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { createDatasetActivities, createDatasetComputeActivities } from '../../activities/dataset.js';
import { createFeatureActivities, createFeatureComputeActivities } from '../../activities/features.js';
import { getJson, putJson } from '../../activities/json-artifacts.js';
import { createTrainingComputeActivities } from '../../activities/training-compute.js';
import { createTrainingActivities } from '../../activities/training.js';
import type { ArtifactRef } from '../../domain/artifact.js';
import { MICROS_PER_DAY, parseIso } from '../../domain/time.js';
import { EvaluatedModel, TrainedModel, TrainingDataset, TrainingSnapshot } from '../../domain/training.js';
import { type ComputeBench, newVersion, NOW, openComputeBench } from './compute-fixture.js';

const RESOURCES = new URL('../../examples/flights/resources/', import.meta.url);
/** History: 1 January to 1 March 2001, 200 flights a day between three airports. */
const FIRST = parseIso('2001-01-01T00:00:00Z');
const DAYS = 59;
const FLIGHTS = DAYS * 200;
const AS_OF = parseIso('2001-03-01T12:00:00Z');

describe('from raw flights to a judged model', () => {
  let bench: ComputeBench;

  beforeEach(async () => {
    bench = await openComputeBench();
    for (const file of ['data.yaml', 'model.yaml']) {
      const documents = parseAllDocuments(readFileSync(new URL(file, RESOURCES), 'utf8'));
      for (const document of documents) await bench.apply(document.toJS());
    }
    await ingest(await writeFlights());
    for (const view of ['origin-traffic', 'destination-traffic']) await materialize(view);
  });

  afterEach(async () => {
    await bench.close();
  });

  /** Late more often in the evening, on long legs, and out of "ORD". */
  async function writeFlights(): Promise<string> {
    const path = `${bench.jobs.folder}/flights.parquet`;
    await bench.jobs.context.tables.use((session) =>
      session.execute(`copy (
        with drawn as (
          select i, ${FIRST} + i * ${(DAYS * MICROS_PER_DAY) / FLIGHTS} as ts, (hash(i * 7 + 1) % 3)::bigint as airport,
            (hash(i * 3) % 2500)::real as distance, (hash(i * 13 + 5) % 1000) / 1000.0 as chance
          from range(${FLIGHTS}) t(i)),
        rated as (select *, 0.1 + (case when (ts // 3600000000) % 24 >= 16 then 0.3 else 0 end)
          + (case when distance > 1500 then 0.2 else 0 end) + (case when airport = 0 then 0.2 else 0 end) as rate from drawn)
        select make_timestamp(ts::bigint) as date, (case when chance < rate then 40 else -3 end)::real as delay, distance,
          ['ORD', 'DEN', 'SEA'][airport + 1] as origin, ['ORD', 'DEN', 'SEA'][(airport + 1) % 3 + 1] as destination
        from rated order by i
      ) to '${path}' (format parquet)`),
    );
    return path;
  }

  async function ingest(sourceUri: string): Promise<void> {
    const { stores, runJob, jobs } = bench;
    const about = { ingestionId: 'i1', dataset: 'flights' };
    const compute = createDatasetComputeActivities({ stores, runJob, sourceFolders: [jobs.folder] });
    const prepared = await compute.prepareSegment({ ...about, sourceUri });
    if (prepared.outcome !== 'accepted') throw new Error(JSON.stringify(prepared));
    const { segment, revision } = prepared;
    const activities = createDatasetActivities({
      stores,
      workflows: { ingestDataset: () => Promise.resolve() },
      now: () => NOW,
      sha256Hex: String,
    });
    await activities.commitDatasetVersion({ ...about, revision, segment, actor: 'test' });
  }

  async function materialize(view: string): Promise<void> {
    const { stores, runJob, jobs } = bench;
    const { tables } = jobs.context;
    const sha256Hex = (text: string): string => createHash('sha256').update(text).digest('hex');
    const { planMaterialization, publishChunk } = createFeatureActivities({ stores, tables, sha256Hex });
    const { materializeChunk } = createFeatureComputeActivities({ stores, runJob });
    const { chunks, ...plan } = await planMaterialization({ view, through: AS_OF });
    for (const chunk of chunks) await publishChunk({ chunk: await materializeChunk({ plan, chunk }) });
  }

  async function snapshot(): Promise<ArtifactRef> {
    const { stores } = bench;
    const { snapshotInputs } = createTrainingActivities({ stores, now: () => NOW });
    const input = { pipelineId: 'p1', model: 'flight-delay', asOf: AS_OF };
    return (await snapshotInputs(input)).snapshot;
  }

  function training() {
    return createTrainingComputeActivities({ stores: bench.stores, runJob: bench.runJob });
  }

  it('builds the dataset, trains, and passes the gate against the hour-rate baseline', async () => {
    const ref = await snapshot();
    const { buildTrainingDataset, trainModel, evaluateModel } = training();
    const built = await buildTrainingDataset({ snapshot: ref });
    // Train 8 January to 14 February, purge one day, holdout 15 to 28 February: 37 and 14 days of 200 flights.
    expect(built).toMatchObject({ trainRows: 37 * 200, holdoutRows: 14 * 200 });

    const trained = await trainModel({ snapshot: ref, dataset: built.dataset });
    expect(trained.trees).toBe(150);
    const evaluated = await evaluateModel({ snapshot: ref, dataset: built.dataset, trained: trained.trained });
    expect(evaluated).toMatchObject({ outcome: 'passed', reasons: [], championMetrics: null });
    expect(evaluated.gateLines.map((line) => line.split(' — ')[0])).toEqual([
      'not applicable',
      'not applicable',
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
    const first = await snapshot();
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
    const gain = (evaluated.championMetrics?.logLoss ?? 0) - evaluated.metrics.logLoss;
    expect(evidence.gates[0]?.observed).toBeCloseTo(gain, 10);
  });

  it('gives the same dataset and bundle digests when every step is repeated', async () => {
    const { buildTrainingDataset, trainModel } = training();
    const ref = await snapshot();
    expect(await snapshot()).toEqual(ref);
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
});
