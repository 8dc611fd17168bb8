/** Prometheus metrics of the serving process. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

export interface ServingMetrics {
  readonly registry: Registry;
  readonly requests: Counter<'endpoint' | 'status'>;
  readonly latency: Histogram<'endpoint'>;
  readonly rows: Counter<'endpoint' | 'version'>;
  /** Refusals and failures by code of the catalogue, on any path. */
  readonly errors: Counter<'code'>;
  readonly logRows: Gauge<'state'>;
  readonly shadowSkipped: Gauge;
  readonly degraded: Gauge;
}

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
      buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1],
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
