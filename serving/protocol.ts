/** Open Inference Protocol v2 over HTTP: metadata, health and inference of endpoints and their versions. */
import { DomainError } from '../domain/errors.js';
import { didYouMean } from '../domain/names.js';
import { SCORE_OUTPUTS, scoreWidth, taskOutputs } from '../domain/task.js';
import { infer, type InferenceAnswer, type InferenceDependencies } from './inference.js';
import { contractOf } from './contract.js';
import { CLASS_OUTPUT, outputNames } from './infer-request.js';
import type { LiveEndpoint, LiveEndpoints } from './live-endpoints.js';
import type { ServingMetrics } from './metrics.js';
import type { StoreHealth } from './store-access.js';

export interface ProtocolDependencies extends InferenceDependencies {
  readonly endpoints: LiveEndpoints;
  readonly health: Pick<StoreHealth, 'hasRoutes'>;
  readonly metrics: ServingMetrics;
}

/** No extension of the protocol is offered yet. */
export function serverMetadata(): unknown {
  return { name: 'perennial', version: '0.1.0', extensions: [] };
}

/** Throws `PRN_ENDPOINT_NOT_FOUND` with the nearest name; before the first routes are loaded, `PRN_ENDPOINT_NOT_READY`. */
export function requireEndpoint(
  { endpoints, health }: Pick<ProtocolDependencies, 'endpoints' | 'health'>,
  endpoint: string,
): LiveEndpoint {
  const live = endpoints.get(endpoint);
  if (live !== undefined) return live;
  if (!health.hasRoutes() || !endpoints.isSettled()) throw new DomainError('PRN_ENDPOINT_NOT_READY', { endpoint });
  const known = endpoints.all().map((each) => each.endpoint);
  throw new DomainError('PRN_ENDPOINT_NOT_FOUND', { endpoint, hint: didYouMean(endpoint, known) });
}

/** Throws unless the endpoint, or the pinned version of it, can answer right now. */
export function modelReady(live: LiveEndpoint, pinned: number | null): { name: string; ready: true } {
  const { endpoint, state, versions } = live;
  if (pinned !== null && !versions.has(pinned))
    throw new DomainError('PRN_ENDPOINT_VERSION_UNAVAILABLE', { endpoint, version: pinned });
  if (pinned === null && state.routes.routes.length === 0)
    throw new DomainError('PRN_ENDPOINT_NOT_READY', { endpoint });
  return { name: endpoint, ready: true };
}

/** Of the routed versions together, or of the pinned one. */
export function modelMetadata(live: LiveEndpoint, pinned: number | null): unknown {
  modelReady(live, pinned);
  const { endpoint, state, versions } = live;
  const bundle = pinned === null ? undefined : versions.get(pinned)?.bundle;
  const { fields, declared, required, overridable, shape } =
    bundle === undefined ? live.contract : contractOf([bundle], state.clock);
  const inputs = declared.map((name) => ({ name, datatype: fields.get(name)?.datatype, shape: [-1, 1] }));
  return {
    name: endpoint,
    versions: [...versions.keys()].sort((left, right) => left - right).map(String),
    platform: 'onnx_onnxv1',
    inputs,
    outputs: [
      ...taskOutputs(shape).map(({ name, datatype, width }) => ({ name, datatype, shape: [-1, width] })),
      ...(shape.task === 'multiclass' ? [{ name: CLASS_OUTPUT, datatype: 'BYTES', shape: [-1] }] : []),
      { name: 'prediction_id', datatype: 'BYTES', shape: [-1] },
      { name: 'model_version', datatype: 'INT64', shape: [-1] },
    ],
    properties: {
      model: state.routes.model ?? '',
      task: shape.task,
      // Properties are texts in the protocol.
      ...(shape.task === 'multiclass' && { classes: JSON.stringify(shape.classes) }),
      optional_inputs: [...declared.filter((name) => !required.includes(name)), ...overridable].join(','),
    },
  };
}

/** The response as text, counted and timed. */
export async function modelInfer(
  dependencies: ProtocolDependencies,
  live: LiveEndpoint,
  call: { body: string; pinned: number | null },
): Promise<string> {
  const { metrics } = dependencies;
  const { endpoint } = live;
  const startedMs = performance.now();
  try {
    const answer = await infer(dependencies, live, call);
    metrics.requests.inc({ endpoint, status: '200' });
    const rows = new Map<number, number>();
    for (const version of answer.version) rows.set(version, (rows.get(version) ?? 0) + 1);
    for (const [version, count] of rows) metrics.rows.inc({ endpoint, version: String(version) }, count);
    return renderAnswer(endpoint, answer);
  } catch (error) {
    metrics.requests.inc({ endpoint, status: error instanceof DomainError ? String(error.status) : '500' });
    throw error;
  } finally {
    metrics.latency.observe({ endpoint }, (performance.now() - startedMs) / 1_000);
  }
}

function renderAnswer(endpoint: string, answer: InferenceAnswer): string {
  const { id, outputs, rows, shape, scores, decision, predictionIds, version, routeRev } = answer;
  const scored = { name: SCORE_OUTPUTS[shape.task], shape: [rows, scoreWidth(shape)] };
  const named = (): (string | undefined)[] => Array.from(decision, (position) => shape.classes[position]);
  const tensors: Readonly<Record<string, () => unknown>> = {
    [scored.name]: () => ({ name: scored.name, datatype: 'FP32', shape: scored.shape, data: Array.from(scores) }),
    decision: () => ({ name: 'decision', datatype: 'INT64', shape: [rows, 1], data: Array.from(decision) }),
    [CLASS_OUTPUT]: () => ({ name: CLASS_OUTPUT, datatype: 'BYTES', shape: [rows], data: named() }),
    prediction_id: () => ({ name: 'prediction_id', datatype: 'BYTES', shape: [rows], data: predictionIds }),
    model_version: () => ({ name: 'model_version', datatype: 'INT64', shape: [rows], data: Array.from(version) }),
  };
  return JSON.stringify({
    model_name: endpoint,
    model_version: String(version[0] ?? 0),
    ...(id !== undefined && { id }),
    parameters: { route_rev: routeRev },
    outputs: (outputs ?? outputNames(shape)).map((name) => tensors[name]?.()),
  });
}
