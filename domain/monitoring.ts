/** Windows, their reports, and the alerts raised on them. */
import { z } from 'zod';
import { ModelProfile } from './model-profile.js';
import { Name } from './names.js';
import { ColumnProfile } from './profile.js';
import { ServedDifference } from './served-vector.js';

/** Plain numbers of one version in one closed window; null where there was nothing to measure. */
export const WindowMetrics = z.strictObject({
  rows: z.number().int(),
  labelled: z.number().int(),
  /** Of a classifier with classes: of the probabilities it gave the classes it decided for, and of those that were right. */
  sumPrediction: z.number(),
  sumOutcome: z.number(),
  accuracy: z.number().nullable(),
  precision: z.number().nullable(),
  recall: z.number().nullable(),
  rocAuc: z.number().nullable(),
  logLoss: z.number().nullable(),
  /** Mean prediction minus mean outcome: of a regression its bias, in the unit of the label. */
  calibrationGap: z.number().nullable(),
  rmse: z.number().nullable().default(null),
  mae: z.number().nullable().default(null),
  psiPrediction: z.number().nullable(),
  psiPredictionCritical: z.number().nullable(),
  /** Model input → PSI against the reference profile of the version. */
  psiInputs: z.record(z.string(), z.number()),
  latencyP50Ms: z.number().nullable(),
  latencyP99Ms: z.number().nullable(),
  errorRate: z.number().nullable(),
});
export type WindowMetrics = z.infer<typeof WindowMetrics>;

export const MonitorResult = z.strictObject({
  monitor: Name,
  metric: z.string(),
  state: z.enum(['ok', 'breach', 'insufficient_data']),
  value: z.number().nullable(),
  statistic: z.number().nullable(),
  pValue: z.number().nullable(),
  rows: z.number().int(),
  firing: z.boolean(),
  explanation: z.string(),
});
export type MonitorResult = z.infer<typeof MonitorResult>;

export const WindowReport = z.strictObject({
  endpoint: Name,
  model: Name,
  version: z.number().int().positive(),
  windowStart: z.number().int(),
  windowEnd: z.number().int(),
  /** Raised when labels or rows arrived after the window was sealed. */
  revision: z.number().int().positive(),
  /** True for the version that held most traffic: monitors judge this one. */
  primary: z.boolean(),
  metrics: WindowMetrics,
  /** Profile of the answers, in the frame of the version's reference. */
  prediction: ColumnProfile,
  monitors: z.array(MonitorResult),
  sealedTs: z.number().int(),
});
export type WindowReport = z.infer<typeof WindowReport>;

/** What a version read and answered in a window, counted in the frames of its reference: such profiles add exactly. */
export const WindowProfile = WindowReport.pick({
  endpoint: true,
  version: true,
  windowStart: true,
  windowEnd: true,
  revision: true,
}).extend({ profile: ModelProfile });
export type WindowProfile = z.infer<typeof WindowProfile>;

export const Alert = z.strictObject({
  alertId: z.string(),
  endpoint: Name,
  model: Name,
  version: z.number().int().positive(),
  monitor: Name,
  metric: z.string(),
  severity: z.enum(['info', 'page']),
  windowEnd: z.number().int(),
  windowRevision: z.number().int().positive(),
  effect: z.number(),
  statistic: z.number().nullable(),
  explanation: z.string(),
  action: z.enum(['none', 'retrain']),
  /** What came of it: a request, a rollback, nothing yet. */
  outcome: z.string(),
  raisedTs: z.number().int(),
  acknowledgedBy: z.string().nullable(),
  /** The value that was served otherwise than history has it, for alerts of the feature check. */
  served: ServedDifference.optional(),
});
export type Alert = z.infer<typeof Alert>;
