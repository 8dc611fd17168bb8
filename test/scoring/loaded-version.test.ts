import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LoadedVersion, loadVersion } from '../../scoring/loaded-version.js';
import { openFileArtifacts } from '../../store/artifacts/file.js';
import type { ArtifactStore } from '../../store/contracts/artifacts.js';
import { bundleOf, expectedProbability } from '../serving/serving-fixture.js';

let folder: string;
let artifacts: ArtifactStore;

beforeEach(async () => {
  folder = await mkdtemp(`${tmpdir()}/perennial-scoring-`);
  artifacts = openFileArtifacts(folder);
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function load(base = 0): Promise<LoadedVersion> {
  return loadVersion(artifacts, 1, await bundleOf({ artifacts }, { base }));
}

function feedsOf(rows: readonly { distance: number; lateRate: number }[]) {
  return {
    distance: Float32Array.from(rows, ({ distance }) => distance),
    origin_traffic__late_rate: Float32Array.from(rows, ({ lateRate }) => lateRate),
  };
}

const ROWS = Array.from({ length: 700 }, (_unused, row) => ({
  distance: row % 2 === 0 ? 500 : 1_500,
  lateRate: row % 3 === 0 ? Number.NaN : row % 3 === 1 ? 0.1 : 0.9,
}));

describe('a loaded version', () => {
  it('must carry the feature plan that its bundle declares', async () => {
    const bundle = await bundleOf({ artifacts }, { base: 0 });
    const features = bundle.plan.features.toReversed();
    const swapped = loadVersion(artifacts, 1, { ...bundle, plan: { ...bundle.plan, features } });
    await expect(swapped).rejects.toMatchObject({ code: 'PRN_MODEL_CONTRACT' });
  });

  it('answers alone, together with others and in parts with the same bits', async () => {
    const version = await load(-0.25);
    const whole = await version.score(feedsOf(ROWS), ROWS.length);
    const together = await Promise.all(ROWS.map((row) => version.score(feedsOf([row]), 1)));
    const alone: Float32Array[] = [];
    for (const row of ROWS.slice(0, 6)) alone.push(await version.score(feedsOf([row]), 1));
    version.release();

    expect(together.map(([probability]) => probability)).toEqual([...whole]);
    expect(alone.map(([probability]) => probability)).toEqual([...whole.subarray(0, 6)]);
    for (const [index, row] of ROWS.slice(0, 6).entries())
      expect(whole[index]).toBeCloseTo(expectedProbability({ base: -0.25, ...row }), 6);
  });

  it('goes on answering requests that hold it after its owner let go', async () => {
    const version = await load();
    const answers = Array.from({ length: 50 }, async () => {
      version.retain();
      try {
        return await version.score(feedsOf(ROWS.slice(0, 40)), 40);
      } finally {
        version.release();
      }
    });
    version.release();
    const scored = await Promise.all(answers);
    expect(scored.map(({ length }) => length)).toEqual(Array.from({ length: 50 }, () => 40));
  });

  it('does not let a request that the graph refuses take its neighbours down', async () => {
    const version = await load();
    const good = feedsOf([{ distance: 1_500, lateRate: 0.1 }]);
    const settled = await Promise.allSettled([
      version.score(good, 1),
      version.score({ distance: Float32Array.of(1) }, 1),
      version.score(good, 1),
    ]);
    version.release();
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('refuses bytes that are no model', async () => {
    const bundle = await bundleOf({ artifacts }, { base: 0, graphBytes: Uint8Array.of(1, 2, 3) });
    await expect(loadVersion(artifacts, 1, bundle)).rejects.toMatchObject({ code: 'PRN_ONNX_INVALID' });
  });
});
