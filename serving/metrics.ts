/** Prometheus metrics of the serving process. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

export interface ServingMetrics {
  readonly registry: Registry;
  readonly requests: Counter<'endpoint' | 'status'>;
  readonly latency: Histogram<'endpoint'>;
  readonly rows: Counter<'endpoint' | 'version'>;
  /** Refusals and failures by code of the catalogue, on any path. */
  readonly errors: Counter<'code'>;
  readonly onlineLatency: Histogram<'source'>;
  /** Values answered by view and status. */
  readonly onlineValues: Counter<'view' | 'status'>;
  /** How old the rows behind answers were, by view. */
  readonly featureAge: Histogram<'view'>;
  readonly featureCacheReads: Counter<'result'>;
  readonly logRows: Gauge<'state'>;
  readonly shadowSkipped: Gauge;
  readonly degraded: Gauge;
}

const LATENCY_SECONDS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1];
const DAY_SECONDS = 86_400;

export function createServingMetrics(): ServingMetrics {
  const registry = new Registry();
  const registers = [registry];
  return {
    registry,
    requests: new Counter({
      name: 'perennial_inference_requests_total',
      help: 'Inference requests',
      labelNames: ['endpoint', 'status'],
      registers,
    }),
    latency: new Histogram({
      name: 'perennial_inference_seconds',
      help: 'Time to answer an inference request',
      labelNames: ['endpoint'],
      buckets: LATENCY_SECONDS,
      registers,
    }),
    rows: new Counter({
      name: 'perennial_inference_rows_total',
      help: 'Rows answered by version',
      labelNames: ['endpoint', 'version'],
      registers,
    }),
    errors: new Counter({
      name: 'perennial_serving_errors_total',
      help: 'Refused and failed requests by error code',
      labelNames: ['code'],
      registers,
    }),
    onlineLatency: new Histogram({
      name: 'perennial_online_features_seconds',
      help: 'Time to answer a request for online features',
      labelNames: ['source'],
      buckets: LATENCY_SECONDS,
      registers,
    }),
    onlineValues: new Counter({
      name: 'perennial_online_feature_values_total',
      help: 'Feature values answered by view and status',
      labelNames: ['view', 'status'],
      registers,
    }),
    featureAge: new Histogram({
      name: 'perennial_online_feature_age_seconds',
      help: 'Age of the rows behind answered features, at the time of the answer',
      labelNames: ['view'],
      buckets: [1, 10, 60, 600, 3_600, 6 * 3_600, DAY_SECONDS, 7 * DAY_SECONDS, 30 * DAY_SECONDS, 365 * DAY_SECONDS],
      registers,
    }),
    featureCacheReads: new Counter({
      name: 'perennial_feature_cache_reads_total',
      help: 'Rows looked for in the feature cache: hit, or miss when MongoDB was asked',
      labelNames: ['result'],
      registers,
    }),
    shadowSkipped: new Gauge({
      name: 'perennial_shadow_skipped_rows',
      help: 'Rows that shadow versions did not score because too many were waiting',
      registers,
    }),
    logRows: new Gauge({
      name: 'perennial_prediction_log_rows',
      help: 'Prediction log: rows logged, dropped and queued; failed counts attempts to write',
      labelNames: ['state'],
      registers,
    }),
    degraded: new Gauge({
      name: 'perennial_degraded',
      help: '1 while MongoDB is away and the last routes are served',
      registers,
    }),
  };
}
