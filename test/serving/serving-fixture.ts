/** A serving process on real stores, and two-tree models whose answers can be worked out by hand. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { putJson } from '../../store/contracts/json-artifacts.js';
import { unjudgedEvidence } from '../../domain/evaluation.js';
import { type ArtifactRef, MEDIA_TYPES } from '../../domain/artifact.js';
import type { Bundle } from '../../domain/bundle.js';
import type { EndpointRoutes } from '../../domain/endpoint.js';
import type { FeaturePlan } from '../../domain/features.js';
import type { PredictionBucket } from '../../domain/prediction.js';
import { Resource } from '../../domain/resources.js';
import { fuseModel } from '../../ml/onnx/fused-model.js';
import { encodeModel } from '../../ml/onnx/writer.js';
import { type Serving, type ServingOptions, startServing } from '../../serving/server.js';
import { openFileArtifacts } from '../../store/artifacts/file.js';
import { sha256Hex } from '../../store/contracts/digests.js';
import type { Stores } from '../../store/contracts/index.js';
import type { NewModelVersion } from '../../store/contracts/registry.js';
import { openDatabase } from '../../store/mongo/database.js';
import { createStores } from '../../store/mongo/stores.js';
import { openTableEngine } from '../../store/tables/engine.js';
import { openTestDatabase, type TestDatabase } from '../support/mongo.js';
import { binaryEnsemble, stump } from '../support/trees.js';

export const ENDPOINT = 'flight-delay';
export const MODEL = 'flight-delay';
/** 2 April 2001, 12:00 UTC, microseconds. */
export const DEPARTED = 986_212_800_000_000;
export const HOUR = 3_600_000_000;
export const MAX_AGE = 48 * HOUR;

const REQUEST_INPUT = {
  name: 'distance',
  datatype: 'FP32' as const,
  nullable: true,
  source: { kind: 'request' as const, column: 'distance' },
};
const VIEW_INPUT = {
  name: 'origin_traffic__late_rate',
  datatype: 'FP32' as const,
  nullable: true,
  source: { kind: 'view' as const, view: 'origin-traffic', feature: 'late_rate' },
};

function planOf(readsView: boolean): FeaturePlan {
  const inputs = readsView ? [REQUEST_INPUT, VIEW_INPUT] : [REQUEST_INPUT];
  return { inputs, features: inputs.map(({ name }) => ({ name, expression: name })), encodings: [] };
}

/**
 * Raw score of {@link ServingWorld.addVersion}'s model: `base`, +1 where distance > 1000, +2 where the late rate is known
 * and above 0.3. The probability is its sigmoid in float32.
 */
export function expectedProbability(row: { base: number; distance: number; lateRate: number }): number {
  const score = row.base + (row.distance > 1_000 ? 1 : 0) + (row.lateRate > 0.3 ? 2 : 0);
  return 1 / (1 + Math.exp(-score));
}

export interface VersionOptions {
  /** Raw score before any tree: tells the answers of versions apart. */
  readonly base: number;
  /** False makes a model of request fields only. */
  readonly readsView?: boolean;
  readonly decisionThreshold?: number;
  /** Bytes to store instead of the graph. */
  readonly graphBytes?: Uint8Array;
}

export interface Tensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly unknown[];
  readonly data: readonly unknown[];
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: InferAnswer;
}

export interface InferAnswer {
  readonly error?: string;
  readonly code?: string;
  readonly id?: string;
  readonly model_name?: string;
  readonly model_version?: string;
  readonly parameters?: { readonly route_rev: number };
  readonly outputs?: readonly {
    readonly name: string;
    readonly datatype: string;
    readonly shape: readonly number[];
    readonly data: readonly (number | string)[];
  }[];
}

export interface ServingWorld {
  readonly stores: Stores;
  readonly test: TestDatabase;
  /** Data folder: artefacts lie in `artifacts`. */
  readonly folder: string;
  /** What the serving processes reported as problems. */
  readonly problems: { readonly what: string; readonly error: unknown }[];
  start(options?: Partial<ServingOptions>): Promise<Serving>;
  addVersion(options: VersionOptions): Promise<number>;
  addBundle(bundle: Bundle): Promise<number>;
  route(routes: EndpointRoutes['routes'], options?: { shadow?: readonly number[]; salt?: string }): Promise<number>;
  stage(version: number, staged?: boolean): Promise<void>;
  /** Late rate of airports as of a time. */
  publish(rates: Readonly<Record<string, number | null>>, eventTs: number): Promise<void>;
  logged(): Promise<PredictionBucket[]>;
  close(): Promise<void>;
}

export async function openServingWorld(
  options: { clock?: 'wall' | 'event'; unit?: string } = {},
): Promise<ServingWorld> {
  const test = await openTestDatabase();
  const database = await openDatabase({ uri: test.uri, database: test.name });
  const folder = await mkdtemp(join(tmpdir(), 'perennial-serving-'));
  const now = (): number => Date.now() * 1_000;
  const stores = createStores(database, {
    artifacts: openFileArtifacts(join(folder, 'artifacts')),
    now,
    sha256Hex,
  });
  const { clock = 'event', unit } = options;
  for (const resource of resources({ clock, ...(unit !== undefined && { unit }) }))
    await stores.resources.apply({ resource: Resource.parse(resource), actor: 'test' });
  await stores.endpoints.ensure(ENDPOINT, clock);
  const running: Serving[] = [];
  const problems: { what: string; error: unknown }[] = [];
  let requests = 0;

  const world: ServingWorld = {
    stores,
    test,
    folder,
    problems,
    async start(changes) {
      const serving = await startServing({
        stores,
        host: '127.0.0.1',
        port: 0,
        auth: 'open',
        now,
        openTables: () =>
          openTableEngine({ dataDirectories: [folder], spillDirectory: join(folder, 'spill'), memoryLimit: '256MB' }),
        onProblem: (what, error) => problems.push({ what, error }),
        ...changes,
      });
      running.push(serving);
      return serving;
    },
    addVersion: async (version) => world.addBundle(await bundleOf(stores, version)),
    addBundle: async (bundle) => (await stores.registry.registerVersion(newVersion(bundle))).version,
    async route(routes, { shadow = [], salt = 'salt' } = {}) {
      const { controller } = await stores.endpoints.acquire(ENDPOINT, 'test');
      const requestId = `request-${(requests += 1)}`;
      const next = { endpoint: ENDPOINT, requestId, controller, model: MODEL, routes, shadow, salt };
      return (await stores.endpoints.setRoutes(next)).rev;
    },
    async stage(version, staged = true) {
      await stores.endpoints.setStaged({ endpoint: ENDPOINT, model: MODEL, version, staged });
    },
    async publish(rates, eventTs) {
      const rows = Object.entries(rates).map(([airport, rate]) => ({
        key: JSON.stringify([airport]),
        values: { late_rate: rate },
        eventTs,
        knownTs: eventTs,
        seq: 1,
        deleted: false,
      }));
      await stores.features.upsertOnline('origin-traffic', rows);
    },
    logged: () => stores.predictions.buckets({ endpoint: ENDPOINT, from: 0, to: Number.MAX_SAFE_INTEGER }),
    async close() {
      await Promise.all(running.map((serving) => serving.close()));
      await database.close();
      await test.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return world;
}

function resources(endpoint: { clock: 'wall' | 'event'; unit?: string }): unknown[] {
  const apiVersion = 'perennial/v1';
  return [
    {
      apiVersion,
      kind: 'Dataset',
      metadata: { name: 'flights' },
      spec: {
        columns: [
          { name: 'departed_ts', type: 'timestamp' },
          { name: 'origin', type: 'string' },
          { name: 'delay', type: 'float' },
        ],
        eventTime: 'departed_ts',
      },
    },
    {
      apiVersion,
      kind: 'Entity',
      metadata: { name: 'origin-airport' },
      spec: { keys: [{ name: 'origin', type: 'string' }] },
    },
    {
      apiVersion,
      kind: 'FeatureView',
      metadata: { name: 'origin-traffic' },
      spec: {
        dataset: 'flights',
        entity: 'origin-airport',
        keys: { origin: 'origin' },
        cuts: { every: '1d' },
        maxAge: '48h',
        features: [{ name: 'late_rate', aggregate: 'rate', expression: 'delay > 15', window: '7d' }],
      },
    },
    { apiVersion, kind: 'Endpoint', metadata: { name: ENDPOINT }, spec: endpoint },
  ];
}

let registrations = 0;

export function newVersion(bundle: Bundle): NewModelVersion {
  const requestId = `version-${(registrations += 1)}`;
  const lineage = { ...NO_LINEAGE, pipelineId: requestId, requestId };
  return { ...UNJUDGED, model: MODEL, requestId, bundle, bundleDigest: requestId, evidenceDigest: requestId, lineage };
}

export async function bundleOf(stores: Pick<Stores, 'artifacts'>, version: VersionOptions): Promise<Bundle> {
  const { base, readsView = true, decisionThreshold = 0.5, graphBytes } = version;
  const plan = planOf(readsView);
  const trees = [stump(0, 1_000, { left: 0, right: 1 }), stump(1, 0.3, { left: 0, right: 2 })].slice(
    0,
    readsView ? 2 : 1,
  );
  const form = { kind: 'trees', ensemble: binaryEnsemble(plan.inputs.length, base, trees) } as const;
  const graph = graphBytes ?? encodeModel(fuseModel({ plan, form, classes: [], decisionThreshold }));
  const nothing: ArtifactRef = await putJson(stores.artifacts, {});
  const key = { key: 'origin', type: 'string' as const, request: 'origin' };
  return {
    bundleVersion: 2,
    model: MODEL,
    task: 'binary',
    classes: [],
    graphs: [await stores.artifacts.put(graph, MEDIA_TYPES.onnx)],
    request: [
      ...(readsView ? [{ name: 'origin', datatype: 'BYTES' as const, nullable: false }] : []),
      { name: 'distance', datatype: 'FP32', nullable: true },
      { name: 'departed_ts', datatype: 'INT64', nullable: false },
    ],
    eventTime: 'departed_ts',
    views: readsView
      ? [
          {
            view: 'origin-traffic',
            revision: 1,
            keys: [key],
            features: ['late_rate'],
            types: {},
            maxAgeMicros: MAX_AGE,
          },
        ]
      : [],
    plan,
    decisionThreshold,
    goldenRows: nothing,
    referenceProfile: nothing,
  };
}

/** A request of any rows for the models above. */
export function requestOf(
  rows: readonly { origin?: string; distance?: number | null; departedTs?: number }[],
  options: { readsView?: boolean } = {},
): { inputs: Tensor[] } {
  const column = (name: string, datatype: string, data: unknown[]): Tensor => ({
    name,
    datatype,
    shape: [rows.length, 1],
    data,
  });
  const distance = rows.map((row) => (row.distance === undefined ? 500 : row.distance));
  return {
    inputs: [
      ...(options.readsView === false
        ? []
        : [
            column(
              'origin',
              'BYTES',
              rows.map(({ origin = 'ORD' }) => origin),
            ),
          ]),
      column('distance', 'FP32', distance),
      column(
        'departed_ts',
        'INT64',
        rows.map(({ departedTs = DEPARTED }) => departedTs),
      ),
    ],
  };
}

export async function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(url, { method: 'POST', body: text, headers });
  return { status: response.status, headers: response.headers, body: (await response.json()) as InferAnswer };
}

export async function get(url: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url);
  return { status: response.status, body: await response.json() };
}

/** Values of one output, by name. */
export function outputOf({ body }: Answer, name: string): readonly (number | string)[] {
  const found = body.outputs?.find((output) => output.name === name);
  if (found === undefined) throw new Error(`no output ${name} in ${JSON.stringify(body)}`);
  return found.data;
}

/** Polls until the condition holds; its last value. */
export async function until<T>(probe: () => Promise<T> | T, holds: (value: T) => boolean): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    const value = await probe();
    if (holds(value)) return value;
    if (tries > 500) throw new Error(`never came: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Waits until a process serves a route revision. */
export async function untilRev(stores: Stores, serving: Serving, rev: number): Promise<void> {
  await until(
    async () => (await stores.endpoints.instances(0)).find(({ instanceId }) => instanceId === serving.instanceId),
    (instance) => (instance?.appliedRevs[ENDPOINT] ?? -1) >= rev,
  );
}

const NOTHING: ArtifactRef = {
  uri: `artifact://sha256/${'0'.repeat(64)}`,
  sha256: '0'.repeat(64),
  bytes: 0,
  mediaType: 'application/json',
};
const UNJUDGED = {
  evidence: unjudgedEvidence('binary', NOTHING),
  createdTs: DEPARTED,
  createdBy: 'test',
};
const NO_LINEAGE = {
  trigger: 'manual',
  modelRevision: 1,
  spine: { dataset: 'flights', versionId: 'v', commitSeq: 1 },
  views: [],
  trainingDatasetDigest: 'd',
  trainRows: 0,
  holdoutRows: 0,
  trainFrom: 0,
  trainTo: 0,
  holdoutFrom: 0,
  holdoutTo: 0,
  asOf: 0,
  knowledge: 'declared' as const,
  seed: 1,
  parameters: {},
};
