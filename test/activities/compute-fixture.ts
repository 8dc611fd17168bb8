/** Real stores on a database of their own, real engines on a folder of their own, and jobs run in this thread. */
import { putJson } from '../../store/contracts/json-artifacts.js';
import type { JobContext } from '../../activities/jobs/context.js';
import { type JobName, JOBS, type RunJob } from '../../activities/jobs/index.js';
import { unjudgedEvidence } from '../../domain/evaluation.js';
import type { ArtifactRef } from '../../domain/artifact.js';
import type { ModelProfile } from '../../domain/model-profile.js';
import { Resource } from '../../domain/resources.js';
import { profileNumbers } from '../../ml/profile/profile-values.js';
import { sha256Hex } from '../../store/contracts/digests.js';
import type { NewModelVersion } from '../../store/contracts/registry.js';
import type { Stores } from '../../store/contracts/index.js';
import { type Database, openDatabase } from '../../store/mongo/database.js';
import { createStores } from '../../store/mongo/stores.js';
import { type JobBench, openJobBench, PLAN } from '../jobs/training-fixture.js';
import { openTestDatabase } from '../support/mongo.js';

export const NOW = 2_000_000_000_000_000;

export interface ComputeBench {
  readonly stores: Stores;
  readonly runJob: RunJob;
  readonly jobs: JobBench;
  readonly database: Database;
  apply(resource: unknown): Promise<void>;
  /** Keys of all entities that a view has online. */
  onlineKeys(view: string): Promise<string[]>;
  close(): Promise<void>;
}

export async function openComputeBench(): Promise<ComputeBench> {
  const test = await openTestDatabase();
  const database = await openDatabase({ uri: test.uri, database: test.name });
  const jobs = await openJobBench();
  const stores = createStores(database, { artifacts: jobs.context.artifacts, now: () => NOW, sha256Hex });
  return {
    stores,
    jobs,
    database,
    runJob: runHere(jobs.context),
    apply: async (resource) => {
      await stores.resources.apply({ resource: Resource.parse(resource), actor: 'test' });
    },
    onlineKeys: (view) =>
      database
        .collection(`online_${view}`)
        .find()
        .sort({ _id: 1 })
        .map(({ _id }) => _id)
        .toArray(),
    close: async () => {
      await database.close();
      await test.drop();
      await jobs.close();
    },
  };
}

/** As the pool does it, a structured clone at the border included, but in this thread. */
export function runHere(given: Pick<JobContext, 'tables' | 'artifacts'> & Partial<JobContext>): RunJob {
  const context: JobContext = { progress: () => undefined, signal: new AbortController().signal, ...given };
  const run = async (name: JobName, input: unknown): Promise<unknown> => {
    const job = JOBS[name] as (input: unknown, context: JobContext) => Promise<unknown>;
    return structuredClone(await job(structuredClone(input), context));
  };
  return run as RunJob;
}

export const RESOURCES = {
  endpoint: {
    apiVersion: 'perennial/v1',
    kind: 'Endpoint',
    metadata: { name: 'flight-delay' },
    spec: { clock: 'event' },
  },
  model: {
    apiVersion: 'perennial/v1',
    kind: 'Model',
    metadata: { name: 'flight-delay' },
    spec: {
      task: 'binary',
      endpoint: 'flight-delay',
      spine: { dataset: 'flights', keys: ['origin', 'destination'], eventTime: 'departed_ts' },
      label: { expression: 'delay > 15', availableAfter: '12h' },
      features: [{ request: 'distance' }],
      split: { holdout: '14d' },
      trainer: { kind: 'gbdt', parameters: { trees: 30, depth: 4 }, seed: 7 },
      rollout: {
        canary: [{ weight: 10, for: '2d' }],
        minRows: 3,
        guardrails: [{ metric: 'log_loss', against: 'champion', paired: true, maxHarm: 0.02 }],
      },
    },
  },
  calibration: {
    apiVersion: 'perennial/v1',
    kind: 'Monitor',
    metadata: { name: 'calibration' },
    spec: {
      endpoint: 'flight-delay',
      window: '1d',
      metric: 'calibration_gap',
      over: 2,
      effect: { min: 0.02 },
      minRows: 2,
      after: '2 of 3',
      severity: 'page',
      action: 'retrain',
    },
  },
} as const;

/** 50 rows on each side of one half. */
const PROFILE: ModelProfile = {
  inputs: { rows: 100, firstEventTs: 0, lastEventTs: 1, ingestLag: null, columns: [] },
  prediction: profileNumbers(
    { name: 'prediction', type: 'float' },
    Array.from({ length: 100 }, (_unused, row) => (row + 1) / 100),
    { edges: [0.5], grid: null, categories: null },
  ),
};

/** A version to register: what it serves does not matter here, but its reference profile is real. */
export async function newVersion({ jobs }: ComputeBench, requestId: string): Promise<NewModelVersion> {
  const json = (value: unknown): Promise<ArtifactRef> => putJson(jobs.context.artifacts, value);
  return {
    model: 'flight-delay',
    requestId,
    bundle: {
      bundleVersion: 2,
      model: 'flight-delay',
      task: 'binary',
      classes: [],
      graphs: [await json('graph')],
      request: [],
      eventTime: 'departed_ts',
      views: [],
      plan: PLAN,
      decisionThreshold: 0.5,
      goldenRows: await json('golden'),
      referenceProfile: await json(PROFILE),
    },
    bundleDigest: requestId,
    evidence: unjudgedEvidence('binary', await json({})),
    evidenceDigest: requestId,
    lineage: {
      pipelineId: requestId,
      requestId,
      trigger: 'manual',
      modelRevision: 1,
      spine: { dataset: 'flights', versionId: 'v', commitSeq: 1 },
      views: [],
      trainingDatasetDigest: 'd',
      trainRows: 1,
      holdoutRows: 1,
      trainFrom: 0,
      trainTo: 1,
      holdoutFrom: 1,
      holdoutTo: 2,
      asOf: 2,
      knowledge: 'declared',
      seed: 1,
      parameters: {},
    },
    createdTs: NOW,
    createdBy: 'test',
  };
}
