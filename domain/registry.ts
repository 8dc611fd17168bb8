/** Model versions, their stages, and which changes of stage are legal. */
import { z } from 'zod';
import { ArtifactRef } from './artifact.js';
import { Bundle } from './bundle.js';
import { Evidence } from './evaluation.js';
import { TrainerLineage } from './external-training.js';
import { Name } from './names.js';
import { SearchLineage } from './search.js';
import { SkewSummary } from './skew-certificate.js';
import { TrainerParameters } from './trainer.js';

export const Stage = z.enum(['none', 'staging', 'production', 'archived']);
export type Stage = z.infer<typeof Stage>;

/** `archived → production` is only ever a restore by rollback. */
const LEGAL_STAGE_CHANGES: Readonly<Record<Stage, readonly Stage[]>> = {
  none: ['staging', 'archived'],
  staging: ['production', 'archived'],
  production: ['archived'],
  archived: ['production'],
};

export function isLegalStageChange(from: Stage, to: Stage, reason: 'rollout' | 'restore' | 'other'): boolean {
  if (!LEGAL_STAGE_CHANGES[from].includes(to)) return false;
  if (to === 'production') return reason === (from === 'archived' ? 'restore' : 'rollout');
  return true;
}

export const Lineage = z.strictObject({
  pipelineId: z.string(),
  requestId: z.string(),
  trigger: z.string(),
  /** Of a version that a change of the code made. */
  codeRevision: z.string().optional(),
  modelRevision: z.number().int(),
  spine: z.strictObject({ dataset: Name, versionId: z.string(), commitSeq: z.number().int() }),
  views: z.array(
    z.strictObject({
      view: Name,
      revision: z.number().int(),
      throughSeq: z.number().int(),
      datasetVersionId: z.string(),
    }),
  ),
  trainingDatasetDigest: z.string(),
  trainRows: z.number().int(),
  holdoutRows: z.number().int(),
  trainFrom: z.number().int(),
  trainTo: z.number().int(),
  holdoutFrom: z.number().int(),
  holdoutTo: z.number().int(),
  /** Moment of knowledge: nothing that became known later was used. */
  asOf: z.number().int(),
  knowledge: z.enum(['declared', 'observed']),
  seed: z.number().int(),
  parameters: TrainerParameters,
  /** Of a version that was not fitted in the compute pool. */
  trainer: TrainerLineage.optional(),
  /** Where a search chose the parameters. */
  search: SearchLineage.optional(),
});
export type Lineage = z.infer<typeof Lineage>;

export const ModelVersion = z.strictObject({
  model: Name,
  version: z.number().int().positive(),
  /** Key of the request that made it: the same request never makes a second version. */
  requestId: z.string(),
  stage: Stage,
  bundle: Bundle,
  bundleDigest: z.string(),
  evidence: Evidence,
  evidenceDigest: z.string(),
  lineage: Lineage,
  createdTs: z.number().int(),
  createdBy: z.string(),
  /** JSON artefact with the `ModelCard`. Absent for a version that was not trained here. */
  card: ArtifactRef.optional(),
  /** Absent until the version was certified. */
  skew: SkewSummary.optional(),
});
export type ModelVersion = z.infer<typeof ModelVersion>;

/** One move of the champion; `validTo` is null while it holds. */
export const ChampionEntry = z.strictObject({
  model: Name,
  version: z.number().int().positive(),
  previousVersion: z.number().int().positive().nullable(),
  aliasRevision: z.number().int().positive(),
  requestId: z.string(),
  reason: z.enum(['rollout', 'restore']),
  actor: z.string(),
  /** Wall time of the change, microseconds. */
  validFrom: z.number().int(),
  validTo: z.number().int().nullable(),
  evidenceDigest: z.string(),
});
export type ChampionEntry = z.infer<typeof ChampionEntry>;

export const ModelHead = z.strictObject({
  model: Name,
  latestVersion: z.number().int().nonnegative(),
  champion: z.number().int().positive().nullable(),
  /** Raised by every move of the champion. */
  aliasRevision: z.number().int().nonnegative(),
});
export type ModelHead = z.infer<typeof ModelHead>;
