/** The answers of the API that the demo reads, parsed where they come in. Times are ISO on the wire, microseconds here. */
import { z } from 'zod';
import { parseIso } from '../../domain/time.js';

const time = z.string().transform((text) => Number(parseIso(text)));

export const Ingestion = z.object({
  state: z.enum(['running', 'committed', 'unchanged', 'refused', 'failed']),
  accepted: z.number(),
  quarantined: z.number(),
  warnings: z.array(z.string()),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
});
export const Materialization = z.object({ throughCut: time.nullable(), seq: z.number() });

export const Pipeline = z.object({
  pipelineId: z.string(),
  workflowId: z.string(),
  stage: z.string(),
  outcome: z.string(),
  trigger: z.string(),
  reasons: z.array(z.string()),
  version: z.number().nullable(),
  approvalId: z.string().nullable(),
  rolloutId: z.string().nullable(),
});
export type Pipeline = z.infer<typeof Pipeline>;
export const Pipelines = z.object({ items: z.array(Pipeline) });

export const Requests = z.object({
  items: z.array(z.object({ requestId: z.string(), state: z.string(), notBefore: time.nullable() })),
});

export const Endpoint = z.object({
  watermark: time.nullable(),
  predictions: z.number(),
  groundTruth: z.number(),
  routes: z.object({ rev: z.number() }),
});

const Step = z.object({
  index: z.number(),
  kind: z.string(),
  weight: z.number(),
  startedAt: time,
  endedAt: time.nullable(),
  verdict: z.string().nullable(),
});
export const Rollout = z.object({
  rolloutId: z.string(),
  version: z.number(),
  fromVersion: z.number().nullable(),
  state: z.string(),
  reason: z.string(),
  judgedAt: time.nullable(),
  endedTs: time.nullable(),
  steps: z.array(Step),
});
export type Rollout = z.infer<typeof Rollout>;
export const Rollouts = z.object({ items: z.array(Rollout) });

const Metric = z.object({ value: z.number(), lower: z.number().nullable(), upper: z.number().nullable() }).loose();
export type Metric = z.infer<typeof Metric>;
const Metrics = z
  .object({ roc_auc: Metric, log_loss: Metric, calibration_gap: Metric, accuracy: Metric, base_rate: Metric })
  .loose();
export const Versions = z.object({
  items: z.array(
    z.object({
      version: z.number(),
      stage: z.string(),
      metrics: Metrics,
      trainRows: z.number(),
      holdoutRows: z.number(),
    }),
  ),
});
export const Evidence = z.object({
  gates: z.array(z.object({ name: z.string(), verdict: z.string(), explanation: z.string() })),
  baselineMetrics: z.record(z.string(), Metrics),
});

const Decision = z.object({
  version: z.number(),
  decision: z.string(),
  actor: z.string(),
  channel: z.string(),
  authenticated: z.boolean(),
});
export const Approvals = z.object({
  items: z.array(
    z.object({ approvalId: z.string(), version: z.number(), outcome: z.string(), decisions: z.array(Decision) }),
  ),
});

export const Windows = z.object({
  items: z.array(
    z.object({
      version: z.number(),
      windowEnd: time,
      primary: z.boolean(),
      metrics: z
        .object({
          rows: z.number(),
          labelled: z.number(),
          rocAuc: z.number().nullable(),
          logLoss: z.number().nullable(),
          calibrationGap: z.number().nullable(),
          psiPrediction: z.number().nullable(),
        })
        .loose(),
      monitors: z.array(z.object({ monitor: z.string(), state: z.string(), firing: z.boolean() }).loose()),
    }),
  ),
});
export const Alerts = z.object({
  items: z.array(
    z.object({
      monitor: z.string(),
      severity: z.string(),
      version: z.number(),
      windowEnd: time,
      effect: z.number(),
      statistic: z.number().nullable(),
      explanation: z.string(),
      action: z.string(),
      outcome: z.string(),
    }),
  ),
});
export const Quarantine = z.object({ items: z.array(z.object({ caseId: z.string(), rows: z.number() })) });
export const Verification = z.object({ valid: z.boolean() });
export const InferAnswer = z.object({
  outputs: z.array(z.object({ name: z.string(), data: z.array(z.union([z.number(), z.string()])) })),
});
