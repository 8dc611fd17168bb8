/** The spec of a model: everything that must be declared once to carry it from data to production and back. */
import { z } from 'zod';
import { Duration } from './duration.js';
import { DomainError } from './errors.js';
import { EvaluationSpec } from './evaluation.js';
import { Gate } from './gates.js';
import { ColumnName, Name } from './names.js';
import { SplitSpec } from './split.js';
import { Task } from './task.js';
import { TrainerSpec } from './trainer.js';

/** Features of a view, all of them where none is named. */
export const ViewReference = z.strictObject({
  view: Name,
  feature: ColumnName.optional(),
  /** Name of this use, in place of the view's own in the names of inputs: one view can be read by several keys. */
  as: Name.optional(),
  /** Entity key → key column of the spine, where they are not called the same. */
  keys: z.record(ColumnName, ColumnName).optional(),
});
export type ViewReference = z.infer<typeof ViewReference>;

/** A feature the model reads: a request field, features of a view, or an expression over request fields and view features. */
export const FeatureReference = z.union([
  z.strictObject({ request: ColumnName }),
  ViewReference,
  z.strictObject({ name: ColumnName, expression: z.string().min(1) }),
]);
export type FeatureReference = z.infer<typeof FeatureReference>;

export const ApprovalSpec = z.strictObject({
  quorum: z.number().int().min(1).max(10).default(1),
  roles: z
    .array(z.enum(['approver', 'operator', 'admin']))
    .min(1)
    .default(['approver', 'admin']),
  forbid: z.array(z.enum(['requester'])).default([]),
  expiresAfter: Duration.default('14d'),
  remindEvery: Duration.default('1d'),
  /** Count signals that carry no proof of who sent them. Only for demos and single-person installations. */
  allowUnauthenticated: z.boolean().default(false),
});
export type ApprovalSpec = z.infer<typeof ApprovalSpec>;

export const Guardrail = z.union([
  z.strictObject({ metric: z.enum(['error_rate', 'latency_p99_ms']), max: z.number().nonnegative() }),
  z.strictObject({
    /** Squared error is that of a regression, in the square of the label's unit. */
    metric: z.enum(['log_loss', 'squared_error']),
    against: z.literal('champion'),
    paired: z.literal(true),
    /** Largest tolerated increase of the mean loss on the same rows. */
    maxHarm: z.number().positive(),
    confidence: z.number().gt(0.5).lt(1).default(0.95),
  }),
]);
export type Guardrail = z.infer<typeof Guardrail>;

export const CanaryStep = z.strictObject({ weight: z.number().gt(0).lt(100), for: Duration });
export type CanaryStep = z.infer<typeof CanaryStep>;

export const RolloutSpec = z.strictObject({
  shadow: z.strictObject({ minRows: z.number().int().positive() }).optional(),
  canary: z.array(CanaryStep).default([]),
  bake: Duration.default('0s'),
  /** Rows a step needs before the guardrails on it may be called satisfied. */
  minRows: z.number().int().nonnegative().default(100),
  /** What to do when a step ends without enough rows or labels: wait for more, or roll back. */
  noEvidence: z.enum(['hold', 'rollback', 'proceed']).default('hold'),
  guardrails: z.array(Guardrail).default([]),
});
export type RolloutSpec = z.infer<typeof RolloutSpec>;

export const RetrainingSpec = z.strictObject({
  /** `code`: whenever `perennial ci` brings a code revision. A person may always ask. */
  on: z.array(z.enum(['alert', 'manual', 'code'])).default(['manual']),
  cooldown: Duration.default('0s'),
  maxPerMonth: z.number().int().positive().default(30),
  /** Labelled time to gather after the alarm before training. */
  waitForLabelled: Duration.default('0s'),
});
export type RetrainingSpec = z.infer<typeof RetrainingSpec>;

export const StagingSpec = z.strictObject({
  /** Largest tolerated latency of the staged version, milliseconds at the 99th percentile. */
  maxLatencyP99Ms: z.number().positive().default(250),
});
export type StagingSpec = z.infer<typeof StagingSpec>;

export const ModelSpec = z.strictObject({
  task: Task,
  endpoint: Name,
  /** The rows the model is asked about: dataset, entity key columns, and the time of the question. */
  spine: z.strictObject({ dataset: Name, keys: z.array(ColumnName).default([]), eventTime: ColumnName }),
  /** The outcome as an expression over the spine's columns, and how long after the event it becomes known. */
  label: z.strictObject({ expression: z.string().min(1), availableAfter: Duration }),
  /** How much a row counts, as an expression over the spine's columns; rows without a weight above 0 are left out. */
  weight: z.strictObject({ expression: z.string().min(1) }).optional(),
  features: z.array(FeatureReference).min(1),
  split: SplitSpec,
  trainer: TrainerSpec,
  gates: z.array(Gate).default([]),
  evaluation: EvaluationSpec.prefault({}),
  approval: ApprovalSpec.prefault({}),
  staging: StagingSpec.prefault({}),
  rollout: RolloutSpec.prefault({}),
  retraining: RetrainingSpec.prefault({}),
});
export type ModelSpec = z.infer<typeof ModelSpec>;

/** A view as a model reads it. A view read by several keys has several uses. */
export interface ViewUse {
  /** The alias, or the view's own name. */
  readonly use: string;
  readonly view: string;
  /** Entity key → column of the spine; a key that is left out has the same name there. */
  readonly keys: Readonly<Record<string, string>>;
}

/** The name under which a view is read. */
export function useName({ view, as }: { readonly view: string; readonly as?: string | undefined }): string {
  return as ?? view;
}

/** Uses in order of first reference. Throws `PRN_RESOURCE_INVALID` where two references give one use different meanings. */
export function viewUses({ features }: Pick<ModelSpec, 'features'>): ViewUse[] {
  const uses = new Map<string, ViewUse>();
  for (const reference of features) {
    if (!('view' in reference)) continue;
    const { view, keys = {} } = reference;
    const use = useName(reference);
    const standing = uses.get(use);
    if (standing === undefined) uses.set(use, { use, view, keys });
    else if (standing.view !== view || !sameKeys(standing.keys, keys))
      throw new DomainError('PRN_RESOURCE_INVALID', {
        where: 'Model.spec.features',
        problem: `${use} stands for two views, or for one view read by different keys`,
        remedy: 'Give each its own name with `as`, and the same `keys` wherever it is referred to.',
      });
  }
  return [...uses.values()];
}

function sameKeys(left: Readonly<Record<string, string>>, right: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(left);
  return names.length === Object.keys(right).length && names.every((name) => left[name] === right[name]);
}
