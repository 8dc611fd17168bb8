/** Answers one inference request: routes rows to versions, looks features up once, scores, logs, and shadows afterwards. */
import { randomBytes } from 'node:crypto';
import { DomainError, isDomainError } from '../domain/errors.js';
import { assignRoute } from '../scoring/hash-routing.js';
import { lookUpViews, type ViewRows, viewTensor } from '../scoring/feature-lookup.js';
import type { Feeds, LoadedVersion } from '../scoring/loaded-version.js';
import { toTensorData } from '../scoring/request-columns.js';
import type { FeatureStore } from '../store/contracts/features.js';
import { contractOf, type InferRequest, parseInferRequest } from './infer-request.js';
import type { LiveEndpoint } from './live-endpoints.js';
import type { LoggedRows, PredictionLog, Reservation } from './prediction-log.js';

export interface InferenceDependencies {
  readonly features: FeatureStore;
  readonly log: PredictionLog;
  /** Wall time in microseconds. */
  readonly now: () => number;
  /** False while MongoDB is away: models that read views cannot be answered honestly then. */
  readonly isHealthy: () => boolean;
}

export interface InferenceAnswer {
  readonly request: InferRequest;
  readonly probability: Float32Array;
  readonly decision: Uint8Array;
  readonly predictionIds: readonly string[];
  readonly version: Int32Array;
  readonly routeRev: number;
}

interface Scoring {
  readonly live: LiveEndpoint;
  readonly request: InferRequest;
  readonly eventTs: Float64Array;
  readonly version: Int32Array;
  readonly views: ReadonlyMap<string, ViewRows>;
}

const INSTANCE_PREFIX = randomBytes(6).toString('hex');
let predictionCount = 0;

export async function infer(
  dependencies: InferenceDependencies,
  live: LiveEndpoint,
  call: { body: string; pinned: number | null },
): Promise<InferenceAnswer> {
  const startedMs = performance.now();
  const versions = callVersions(live, call.pinned);
  for (const version of live.versions.values()) version.retain();
  let shadowing = false;
  try {
    const contract = call.pinned === null ? live.contract : contractOf(versions.map(({ bundle }) => bundle));
    const request = parseInferRequest(call.body, contract, live.unitField);
    const eventTs = eventTimes(request, versions, dependencies.now());
    const predictionIds = Array.from(
      { length: request.rows },
      () => `${INSTANCE_PREFIX}${(predictionCount += 1).toString(36)}`,
    );
    const version = assignVersions(live, request, { predictionIds, pinned: call.pinned });
    const reservation =
      call.pinned === null
        ? dependencies.log.reserve(
            live.endpoint,
            eventTs.reduce((least, time) => Math.min(least, time)),
          )
        : null;
    try {
      const scoring = {
        live,
        request,
        eventTs,
        version,
        views: await lookUp(dependencies, { live, request, versions }),
      };
      const { probability, inputs } = await scoreRows(scoring);
      const decision = decide(live, version, probability);
      if (reservation !== null) {
        const latencyMs = new Float32Array(request.rows).fill(performance.now() - startedMs);
        shadowing = true;
        setImmediate(
          () =>
            void logWithShadow(dependencies, {
              scoring,
              reservation,
              predictionIds,
              probability,
              decision,
              latencyMs,
              inputs,
            }),
        );
      }
      return { request, probability, decision, predictionIds, version, routeRev: live.state.routes.rev };
    } catch (error) {
      if (reservation !== null)
        logFailure(dependencies, {
          live,
          request,
          eventTs,
          version,
          predictionIds,
          reservation,
          latencyMs: performance.now() - startedMs,
        });
      throw error;
    }
  } finally {
    if (!shadowing) releaseAll(live);
  }
}

function releaseAll(live: LiveEndpoint): void {
  for (const version of live.versions.values()) version.release();
}

function callVersions(live: LiveEndpoint, pinned: number | null): LoadedVersion[] {
  const { endpoint, state, versions } = live;
  if (pinned !== null) {
    const version = versions.get(pinned);
    if (version === undefined) throw new DomainError('PRN_ENDPOINT_VERSION_UNAVAILABLE', { endpoint, version: pinned });
    return [version];
  }
  const routed = state.routes.routes.flatMap((route) => versions.get(route.version) ?? []);
  if (routed.length === 0 || routed.length !== state.routes.routes.length)
    throw new DomainError('PRN_ENDPOINT_NOT_READY', { endpoint });
  return routed;
}

function eventTimes(request: InferRequest, versions: readonly LoadedVersion[], now: number): Float64Array {
  const field = versions[0]?.bundle.eventTime;
  const column = field === undefined ? undefined : request.columns.get(field);
  return Float64Array.from({ length: request.rows }, (_unused, row) => Number(column?.values[row] ?? now));
}

function assignVersions(
  { state }: LiveEndpoint,
  request: InferRequest,
  call: { predictionIds: readonly string[]; pinned: number | null },
): Int32Array {
  const { routes, salt } = state.routes;
  return Int32Array.from(
    { length: request.rows },
    (_unused, row) =>
      call.pinned ?? assignRoute(routes, salt, request.units?.[row] ?? call.predictionIds[row] ?? '') ?? 0,
  );
}

async function lookUp(
  { features, isHealthy }: InferenceDependencies,
  ask: { live: LiveEndpoint; request: InferRequest; versions: readonly LoadedVersion[] },
): Promise<ReadonlyMap<string, ViewRows>> {
  const { live, request, versions } = ask;
  const shadow = live.state.routes.shadow.flatMap((number) => live.versions.get(number) ?? []);
  const views = [...versions, ...shadow]
    .flatMap(({ bundle }) => bundle.views)
    .filter((view) => view.features.length > 0);
  if (views.length === 0) return new Map();
  if (!isHealthy())
    throw new DomainError('PRN_UNAVAILABLE', { what: 'The online feature store', reason: 'the connection is lost' });
  try {
    return await lookUpViews(features, views, request);
  } catch (error) {
    throw isDomainError(error)
      ? error
      : new DomainError(
          'PRN_UNAVAILABLE',
          { what: 'The online feature store', reason: String(error) },
          { cause: error },
        );
  }
}

function feedsOf(version: LoadedVersion, scoring: Scoring, rows: readonly number[]): Feeds {
  const { request, eventTs, views } = scoring;
  const feeds: Record<string, Feeds[string]> = {};
  for (const { name, source } of version.bundle.plan.inputs) {
    const column = request.columns.get(source.kind === 'view' ? name : source.column);
    if (column !== undefined) feeds[name] = toTensorData(column, rows);
    else if (source.kind === 'view')
      feeds[name] = viewTensor(version.bundle, source, { viewRows: views.get(source.view) ?? [], eventTs, rows });
  }
  return feeds;
}

/** Scores each version's rows with its own inputs and puts the answers back in the order of the request. */
async function scoreRows(
  scoring: Scoring,
): Promise<{ probability: Float32Array; inputs: Record<string, Float32Array> }> {
  const { live, request, version } = scoring;
  const probability = new Float32Array(request.rows).fill(Number.NaN);
  const inputs: Record<string, Float32Array> = {};
  for (const number of new Set(version)) {
    const loaded = live.versions.get(number);
    if (loaded === undefined) throw new DomainError('PRN_ENDPOINT_NOT_READY', { endpoint: live.endpoint });
    const rows = rowsOf(version, number);
    const feeds = feedsOf(loaded, scoring, rows);
    const scores = await loaded.score(feeds, rows.length);
    for (const [position, row] of rows.entries()) probability[row] = scores[position] ?? Number.NaN;
    for (const [name, data] of Object.entries(feeds))
      if (data instanceof Float32Array) spreadInput(inputs, { name, data, rows, total: request.rows });
  }
  if (probability.some(Number.isNaN))
    throw new DomainError('PRN_ONNX_INVALID', { problem: 'the model answered with NaN' });
  return { probability, inputs };
}

function spreadInput(
  inputs: Record<string, Float32Array>,
  part: { name: string; data: Float32Array; rows: readonly number[]; total: number },
): void {
  const column = (inputs[part.name] ??= new Float32Array(part.total).fill(Number.NaN));
  for (const [position, row] of part.rows.entries()) column[row] = part.data[position] ?? Number.NaN;
}

function rowsOf(version: Int32Array, number: number): number[] {
  return [...version.keys()].filter((row) => version[row] === number);
}

function decide({ versions }: LiveEndpoint, version: Int32Array, probability: Float32Array): Uint8Array {
  return Uint8Array.from(probability, (value, row) =>
    value >= Math.fround(versions.get(version[row] ?? 0)?.bundle.decisionThreshold ?? 1) ? 1 : 0,
  );
}

interface Finished {
  readonly scoring: Scoring;
  readonly reservation: Reservation;
  readonly predictionIds: readonly string[];
  readonly probability: Float32Array;
  readonly decision: Uint8Array;
  readonly latencyMs: Float32Array;
  readonly inputs: Record<string, Float32Array>;
}

/** After the answer went out: the other versions score the same rows, then everything is logged together. */
async function logWithShadow({ log }: InferenceDependencies, finished: Finished): Promise<void> {
  const { scoring, reservation, predictionIds, probability, decision, latencyMs, inputs } = finished;
  const { live, request, eventTs, version } = scoring;
  const shadow: Record<string, Float32Array> = {};
  try {
    for (const number of live.state.routes.shadow) {
      const loaded = live.versions.get(number);
      const rows = [...version.keys()].filter((row) => version[row] !== number);
      if (loaded === undefined || rows.length === 0) continue;
      const scores = await loaded.score(feedsOf(loaded, scoring, rows), rows.length).catch(() => null);
      const column = new Float32Array(request.rows).fill(Number.NaN);
      for (const [position, row] of rows.entries()) column[row] = scores?.[position] ?? Number.NaN;
      shadow[String(number)] = column;
    }
  } finally {
    releaseAll(live);
    const error = new Uint8Array(request.rows);
    log.append(reservation, {
      ...routeFacts(live),
      predictionIds,
      eventTs,
      version,
      probability,
      decision,
      latencyMs,
      error,
      shadow,
      inputs,
    });
  }
}

function logFailure(
  { log }: InferenceDependencies,
  failed: {
    live: LiveEndpoint;
    request: InferRequest;
    eventTs: Float64Array;
    version: Int32Array;
    predictionIds: readonly string[];
    reservation: Reservation;
    latencyMs: number;
  },
): void {
  const { live, request, eventTs, version, predictionIds, reservation, latencyMs } = failed;
  const { rows } = request;
  log.append(reservation, {
    ...routeFacts(live),
    predictionIds,
    eventTs,
    version,
    probability: new Float32Array(rows).fill(Number.NaN),
    decision: new Uint8Array(rows),
    latencyMs: new Float32Array(rows).fill(latencyMs),
    error: new Uint8Array(rows).fill(1),
    shadow: {},
    inputs: {},
  });
}

function routeFacts({ endpoint, state }: LiveEndpoint): Pick<LoggedRows, 'endpoint' | 'model' | 'routeRev'> {
  return { endpoint, model: state.routes.model ?? '', routeRev: state.routes.rev };
}
