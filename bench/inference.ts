/** `inference`: our serving process next to a bare server with the same graph, in turn, in one run. */
import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startStack } from '../cli/supervisor/stack.js';
import { MEDIA_TYPES } from '../domain/artifact.js';
import type { Bundle } from '../domain/bundle.js';
import { unjudgedEvidence } from '../domain/evaluation.js';
import { parseResource } from '../domain/resource-errors.js';
import { openFileArtifacts } from '../store/artifacts/file.js';
import { sha256Hex } from '../store/contracts/digests.js';
import type { Stores } from '../store/contracts/index.js';
import { openDatabase } from '../store/mongo/database.js';
import { createStores } from '../store/mongo/stores.js';
import { firstMessage } from './bare-process.js';
import { benchmarkModel, PLAN, requestBody } from './inference-model.js';
import { load, type LoadFigures } from './load.js';
import { type BenchmarkReport, median } from './report.js';

const CONNECTIONS = [16, 64] as const;
const ROUNDS = 3;
const SECONDS = 4;
const ENDPOINT = 'bench';

export async function inference(): Promise<BenchmarkReport> {
  const folder = await mkdtemp(join(tmpdir(), 'perennial-bench-'));
  const env = { TEMPORAL_ADDRESS: process.env['TEMPORAL_ADDRESS'], PERENNIAL_SERVING_AUTH: 'open' };
  const engines = await startStack({ dataDir: folder, services: [], ports: 'free', webUi: false, env });
  const bare = fork(new URL('./bare-server.js', import.meta.url));
  try {
    await putModelInProduction({ folder, uri: engines.addresses.mongodbUri, database: engines.addresses.database });
    await engines.stop();
    const stack = await startStack({ dataDir: folder, services: ['serving'], ports: 'free', webUi: false, env });
    try {
      const urls = {
        bare: await firstMessage(bare),
        ours: `${stack.addresses.servingUrl ?? ''}/v2/models/${ENDPOINT}/infer`,
      };
      await untilReady(urls.ours);
      return report(await measure(urls));
    } finally {
      await stack.stop();
    }
  } finally {
    bare.kill();
    await engines.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

type Side = 'bare' | 'ours';
type Measured = Record<Side, Record<number, LoadFigures[]>>;

async function measure(urls: Record<Side, string>): Promise<Measured> {
  const measured: Measured = { bare: {}, ours: {} };
  const body = requestBody();
  for (const side of ['bare', 'ours'] as const) await load({ url: urls[side], body, connections: 16, seconds: 2 });
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const connections of CONNECTIONS) {
      for (const side of ['bare', 'ours'] as const) {
        const figures = await load({ url: urls[side], body, connections, seconds: SECONDS });
        (measured[side][connections] ??= []).push(figures);
      }
    }
  }
  return measured;
}

function report(measured: Measured): BenchmarkReport {
  const figures: Record<string, number> = {};
  for (const connections of CONNECTIONS) {
    for (const side of ['bare', 'ours'] as const) {
      const runs = measured[side][connections] ?? [];
      figures[`${side}_${connections}_requests_per_second`] = median(
        runs.map(({ requestsPerSecond }) => requestsPerSecond),
      );
      figures[`${side}_${connections}_p50_ms`] = median(runs.map(({ p50Ms }) => p50Ms));
      figures[`${side}_${connections}_p99_ms`] = median(runs.map(({ p99Ms }) => p99Ms));
    }
    figures[`share_of_bare_${connections}`] =
      (figures[`ours_${connections}_requests_per_second`] ?? 0) /
      (figures[`bare_${connections}_requests_per_second`] ?? 1);
  }
  return {
    case: 'inference',
    figures,
    aims: {
      share_of_bare_16: { value: figures['share_of_bare_16'] ?? 0, aim: 0.5, direction: 'atLeast' },
      ours_16_p99_ms: { value: figures['ours_16_p99_ms'] ?? 0, aim: 20, direction: 'atMost' },
    },
  };
}

/** The registry's own way, without a training run: version, staging, control, promotion. */
async function putModelInProduction(at: { folder: string; uri: string; database: string }): Promise<void> {
  const database = await openDatabase({ uri: at.uri, database: at.database });
  const artifacts = openFileArtifacts(join(at.folder, 'artifacts'));
  const now = (): number => Date.now() * 1_000;
  const stores = createStores(database, { artifacts, now, sha256Hex });
  try {
    const endpoint = { apiVersion: 'perennial/v1', kind: 'Endpoint', metadata: { name: ENDPOINT }, spec: {} };
    await stores.resources.apply({ resource: parseResource(endpoint, 'benchmark'), actor: 'bench' });
    await stores.endpoints.ensure(ENDPOINT, 'wall');
    const { version } = await stores.registry.registerVersion(await newVersion(stores, now()));
    await stores.registry.setStage({
      model: ENDPOINT,
      version,
      from: 'none',
      to: 'staging',
      actor: 'bench',
      reason: 'benchmark',
    });
    const { controller } = await stores.endpoints.acquire(ENDPOINT, 'bench');
    const expected = { expectedChampion: null, expectedAliasRevision: 0, shadow: [], reason: 'rollout' as const };
    await stores.endpoints.promote({
      requestId: 'bench',
      endpoint: ENDPOINT,
      model: ENDPOINT,
      version,
      controller,
      actor: 'bench',
      at: now(),
      ...expected,
    });
  } finally {
    await database.close();
  }
}

async function newVersion(stores: Stores, createdTs: number) {
  const graph = await stores.artifacts.put(benchmarkModel(), MEDIA_TYPES.onnx);
  const empty = await stores.artifacts.put(new TextEncoder().encode('{}'), MEDIA_TYPES.json);
  const bundle: Bundle = {
    bundleVersion: 2,
    model: ENDPOINT,
    task: 'binary',
    classes: [],
    graphs: [graph],
    request: [
      ...PLAN.inputs.map(({ name }) => ({ name, datatype: 'FP32' as const, nullable: true })),
      { name: 'asked_ts', datatype: 'INT64', nullable: false },
    ],
    eventTime: 'asked_ts',
    views: [],
    plan: PLAN,
    decisionThreshold: 0.5,
    goldenRows: empty,
    referenceProfile: empty,
  };
  const evidence = unjudgedEvidence('binary', empty);
  const times = { trainFrom: 0, trainTo: 0, holdoutFrom: 0, holdoutTo: 0, asOf: 0 };
  const lineage = {
    pipelineId: 'bench',
    requestId: 'bench',
    trigger: 'manual',
    modelRevision: 1,
    spine: { dataset: ENDPOINT, versionId: '', commitSeq: 0 },
    views: [],
    trainingDatasetDigest: '',
    trainRows: 0,
    holdoutRows: 0,
    ...times,
    knowledge: 'declared' as const,
    seed: 0,
    parameters: {},
  };
  return {
    model: ENDPOINT,
    requestId: 'bench',
    bundle,
    bundleDigest: graph.sha256,
    evidence,
    evidenceDigest: '',
    lineage,
    createdTs,
    createdBy: 'bench',
  };
}

async function untilReady(url: string): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    const response = await fetch(url, { method: 'POST', body: requestBody() }).catch(() => null);
    if (response?.ok === true) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('our serving process did not become ready');
}
