import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getJson, putJson } from '../../store/contracts/json-artifacts.js';
import { createRegistryActivities } from '../../activities/registry.js';
import { createSkewActivities } from '../../activities/skew.js';
import { checkCertificate } from '../../activities/skew-check.js';
import { createTrainingComputeActivities } from '../../activities/training-compute.js';
import { type ArtifactRef, MEDIA_TYPES } from '../../domain/artifact.js';
import type { Bundle } from '../../domain/bundle.js';
import type { ModelVersion } from '../../domain/registry.js';
import { SkewCertificate } from '../../domain/skew-certificate.js';
import { TrainedModel, TrainingSnapshot } from '../../domain/training.js';
import { compilePrefix, planMetadata } from '../../ml/features/plan.js';
import { encodeModel } from '../../ml/onnx/writer.js';
import { sha256Hex } from '../../store/contracts/digests.js';
import { type ComputeBench, newVersion } from './compute-fixture.js';
import { openFlightsBench, snapshotFlights } from './flights-fixture.js';

describe('the skew certificate of a version', () => {
  let bench: ComputeBench;
  let snapshot: ArtifactRef;
  let bundle: Bundle;
  let registered = 0;

  beforeAll(async () => {
    bench = await openFlightsBench();
    snapshot = await snapshotFlights(bench);
    const { buildTrainingDataset, trainModel } = createTrainingComputeActivities(bench);
    const { dataset } = await buildTrainingDataset({ snapshot });
    const { trained } = await trainModel({ snapshot, dataset });
    bundle = (await getJson(bench.stores.artifacts, trained, TrainedModel)).bundle;
  });
  afterAll(async () => {
    await bench.close();
  });

  /** Registers a version with this bundle and has it certified. */
  async function certify(changed: Partial<Bundle>, about = snapshot): Promise<ModelVersion> {
    const { stores } = bench;
    const requestId = `r${(registered += 1)}`;
    const { model, version } = await stores.registry.registerVersion({
      ...(await newVersion(bench, requestId)),
      bundle: { ...bundle, ...changed },
    });
    await createSkewActivities(bench).certifySkew({ model, version, snapshot: about, actor: 'test' });
    const found = await stores.registry.version(model, version);
    if (found === null) throw new Error('the version is gone');
    return found;
  }

  /** Without a valid certificate serving is not even asked. */
  function registry() {
    const refuse = (): Promise<never> => Promise.reject(new Error('serving was asked'));
    const serving = { isReady: refuse, metadata: refuse, infer: refuse };
    return createRegistryActivities({ ...bench, serving, now: () => 1, sha256Hex, heartbeat: () => undefined });
  }

  const check = (version: Pick<ModelVersion, 'bundle' | 'skew'>) => checkCertificate(bench.stores, version, sha256Hex);

  it('compares each feature on edge cases and real rows in every batch size, and finds none different', async () => {
    const version = await certify({});
    expect(version.skew).toMatchObject({ verdict: 'valid', features: 9, mismatches: 0, problems: [] });
    expect(version.skew?.comparisons).toBeGreaterThan(60_000);
    const ref = version.skew?.certificate;
    if (ref === undefined) throw new Error('no certificate');
    const certificate = await getJson(bench.stores.artifacts, ref, SkewCertificate);
    expect(certificate).toMatchObject({
      graphSha256: bundle.graphs[0].sha256,
      corpora: [{ corpus: 'edge' }, { corpus: 'observed', rows: 1_000 }],
      engines: { onnxruntime: '1.30.0', node: process.versions.node },
    });
    expect(certificate.batchRows).toEqual([1, 3, 7, certificate.corpora[0]?.rows, 1_000]);
    expect(certificate.features.map(({ exactness, maxUlp }) => [exactness, maxUlp])).toEqual(
      Array.from({ length: 9 }, () => ['exact', 0]),
    );
    expect(await check(version)).toMatchObject({ passed: true });
  });

  it('is the same for the same version and data', async () => {
    const [first, second] = [await certify({}), await certify({})];
    expect(second.skew).toEqual(first.skew);
  });

  it('is refused to a graph that computes a feature otherwise, naming feature, row and both values', async () => {
    const features = bundle.plan.features.map((feature) =>
      feature.name === 'hour' ? { ...feature, expression: 'hour_of(departed_ts) + 1' } : feature,
    );
    const tampered = {
      ...compilePrefix({ ...bundle.plan, features }),
      metadata: planMetadata(bundle.plan),
      outputs: [],
    };
    const graph = await bench.stores.artifacts.put(encodeModel(tampered), MEDIA_TYPES.onnx);
    const version = await certify({ graphs: [graph] });
    expect(version.skew).toMatchObject({ verdict: 'invalid', features: 9 });
    const { passed, explanation } = await check(version);
    expect(passed).toBe(false);
    // All but the missing times.
    expect(explanation).toBe(
      'hour: 6716 of 6740 comparisons differ by more than 0 ulp; first edge row 0 in batches of 1: ' +
        'offline 23, online 24 (departed_ts 1711843199999999)',
    );
    const { model, version: number } = version;
    expect(await registry().checkStagedVersion({ model, version: number })).toEqual({
      outcome: 'failed',
      checks: [{ name: 'skew certificate', passed: false, explanation }],
    });
  });

  it('is refused where serving would read a view otherwise than training did', async () => {
    // Offline a row older than six hours is missing, online one older than the two days of the bundle.
    const pinned = await getJson(bench.stores.artifacts, snapshot, TrainingSnapshot);
    const views = pinned.views.map((view) => ({ ...view, spec: { ...view.spec, maxAge: '6h' } }));
    const version = await certify({}, await putJson(bench.stores.artifacts, { ...pinned, views }));
    const { passed, explanation } = await check(version);
    expect(passed).toBe(false);
    expect(explanation).toContain('origin_traffic__late_rate_1d: ');
    expect(explanation).toMatch(
      /first observed row \d+ in batches of 1: offline missing, online (0\.\d+) \(.*, origin "[A-Z]{3}", origin_traffic__late_rate_1d missing \(online \1\)\)/,
    );
  });

  it('is missing on a version that was never certified, and speaks for no other graph', async () => {
    const version = await certify({});
    expect(await check({ bundle })).toMatchObject({ passed: false });
    const graphs: Bundle['graphs'] = [{ ...bundle.graphs[0], sha256: 'f'.repeat(64) }];
    const other = { ...version, bundle: { ...bundle, graphs } };
    const { passed, explanation } = await check(other);
    expect([passed, explanation]).toEqual([false, expect.stringContaining('it was made for graph')]);
  });
});
