/** Answers one inference request: routes rows to versions, looks features up once, scores, and hands the rest to the log. */
import { randomBytes } from 'node:crypto';
import { DomainError } from '../domain/errors.js';
import { scoreWidth, type TaskShape } from '../domain/task.js';
import { lookUpViews, type ViewReader } from '../scoring/feature-lookup.js';
import type { LoadedVersion } from '../scoring/loaded-version.js';
import { contractOf } from './contract.js';
import { parseInferRequest } from './infer-request.js';
import type { LiveEndpoint } from './live-endpoints.js';
import type { PredictionLog, Reservation } from './prediction-log.js';
import type { RoutedRows } from './routed-rows.js';
import { decide, scoreRows } from './row-scoring.js';
import type { ShadowScoring } from './shadow-scoring.js';
import type { VisibleRows } from './visible-rows.js';

export interface InferenceDependencies {
  readonly rows: VisibleRows;
  readonly log: PredictionLog;
  readonly shadows: ShadowScoring;
  /** Wall time in microseconds. */
  readonly now: () => number;
}

export interface InferenceAnswer {
  readonly id: string | undefined;
  /** Requested outputs in order; null for all. */
  readonly outputs: readonly string[] | null;
  readonly rows: number;
  readonly shape: TaskShape;
  /** Row-major. */
  readonly scores: Float32Array;
  readonly decision: Uint16Array;
  readonly predictionIds: readonly string[];
  readonly version: Int32Array;
  readonly routeRev: number;
}

const PROCESS_PREFIX = randomBytes(6).toString('hex');
let predictionCount = 0;

export async function infer(
  dependencies: InferenceDependencies,
  live: LiveEndpoint,
  call: { body: string; pinned: number | null },
): Promise<InferenceAnswer> {
  const startedMs = performance.now();
  const versions = versionsOf(live, call.pinned);
  const contract =
    call.pinned === null
      ? live.contract
      : contractOf(
          versions.map(({ bundle }) => bundle),
          live.state.clock,
        );
  const request = parseInferRequest(call.body, contract, live.unitField);
  const now = dependencies.now();
  const eventTs = eventTimes(request, { versions, now });
  const predictionIds = Array.from(
    { length: request.rows },
    () => `${PROCESS_PREFIX}${(predictionCount += 1).toString(36)}`,
  );
  const version = Int32Array.from(
    predictionIds,
    (predictionId, row) => call.pinned ?? live.assign(request.units?.[row] ?? predictionId) ?? 0,
  );
  const { shape } = contract;
  const routed: Omit<RoutedRows, 'views'> = { live, request, eventTs, version, predictionIds, shape, readTs: now };
  const reservation = call.pinned === null ? dependencies.log.reserve(live.endpoint, lowest(eventTs)) : null;
  for (const each of live.versions.values()) each.retain();
  let handedOver = false;
  try {
    const rows: RoutedRows = { ...routed, views: await lookUp(dependencies, routed) };
    const { scores, ...seen } = await scoreRows(rows);
    const decision = decide(rows, scores);
    if (reservation !== null) {
      const latencyMs = performance.now() - startedMs;
      dependencies.shadows.finish({ rows, reservation, scores, decision, latencyMs, ...seen });
      handedOver = true;
    }
    const { id, outputs, rows: count } = request;
    const { rev } = live.state.routes;
    return { id, outputs, rows: count, shape, scores, decision, predictionIds, version, routeRev: rev };
  } catch (error) {
    if (reservation !== null)
      logFailure(dependencies.log, { reservation, routed, error, latencyMs: performance.now() - startedMs });
    throw error;
  } finally {
    if (!handedOver) for (const each of live.versions.values()) each.release();
  }
}

function versionsOf({ endpoint, state, versions }: LiveEndpoint, pinned: number | null): LoadedVersion[] {
  if (pinned !== null) {
    const version = versions.get(pinned);
    if (version === undefined) throw new DomainError('PRN_ENDPOINT_VERSION_UNAVAILABLE', { endpoint, version: pinned });
    return [version];
  }
  const routed = state.routes.routes.flatMap((route) => versions.get(route.version) ?? []);
  if (routed.length === 0) throw new DomainError('PRN_ENDPOINT_NOT_READY', { endpoint });
  return routed;
}

function eventTimes(
  request: RoutedRows['request'],
  { versions, now }: { versions: readonly LoadedVersion[]; now: number },
): Float64Array {
  const field = versions[0]?.bundle.eventTime;
  const column = field === undefined ? undefined : request.columns.get(field);
  return column === undefined || column.datatype !== 'INT64'
    ? new Float64Array(request.rows).fill(now)
    : Float64Array.from(column.values);
}

function lowest(times: Float64Array): number {
  return times.reduce((least, time) => Math.min(least, time), Number.MAX_SAFE_INTEGER);
}

/** Views of the versions that answer and of those that shadow them, in one read each. */
async function lookUp(
  { rows, now }: InferenceDependencies,
  { live, request, version }: Omit<RoutedRows, 'views'>,
): Promise<RoutedRows['views']> {
  const shadow = live.state.routes.shadow;
  const views = [...new Set([...version, ...shadow])].flatMap(
    (number) => live.versions.get(number)?.features.viewsFor(request) ?? [],
  );
  if (views.length === 0) return new Map();
  const read: ViewReader = async (view, keys) => (await rows.read({ view, keys, now: now() })).rows;
  return lookUpViews(read, views, request);
}

/** Rows of a request that one version broke count against that version: the others were not at fault. */
function logFailure(
  log: PredictionLog,
  failed: { reservation: Reservation; routed: Omit<RoutedRows, 'views'>; error: unknown; latencyMs: number },
): void {
  const { live, request, eventTs, version, predictionIds, shape } = failed.routed;
  const { rows } = request;
  const culprit = failed.error instanceof DomainError ? failed.error.details['version'] : undefined;
  log.append(failed.reservation, {
    endpoint: live.endpoint,
    model: live.state.routes.model ?? '',
    routeRev: live.state.routes.rev,
    predictionIds,
    eventTs,
    version: typeof culprit === 'number' ? new Int32Array(rows).fill(culprit) : version,
    ...shape,
    scores: new Float32Array(rows * scoreWidth(shape)).fill(Number.NaN),
    decision: new Uint16Array(rows),
    latencyMs: new Float32Array(rows).fill(failed.latencyMs),
    error: new Uint8Array(rows).fill(1),
    shadow: {},
    inputs: {},
  });
}
