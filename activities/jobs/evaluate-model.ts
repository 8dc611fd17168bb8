/** CPU body of evaluation: score the holdout beside champion and baselines, judge the gates, complete the bundle. */
import type { ArtifactRef } from '../../domain/artifact.js';
import type { Bundle } from '../../domain/bundle.js';
import { canonicalJson } from '../../domain/canonical-json.js';
import { DomainError } from '../../domain/errors.js';
import { decideGates, type GateResult } from '../../domain/gates.js';
import { ModelProfile } from '../../domain/model-profile.js';
import type { BinaryMetrics, Evidence } from '../../domain/registry.js';
import { TrainedModel, TrainingDataset, TrainingSnapshot } from '../../domain/training.js';
import { evaluateBinary } from '../../ml/evaluation/metrics.js';
import { sha256Hex } from '../../store/contracts/digests.js';
import { getJson, putJson } from '../json-artifacts.js';
import { bundleDigestOf } from './bundle-parts.js';
import { type Contestant, scoreBaselines, scoreChampion } from './contestants.js';
import type { JobContext } from './context.js';
import { judgeGates } from './gate-judging.js';
import { inputNames, readModelRows } from './model-rows.js';
import { scoreBundle } from './model-scoring.js';
import { withHoldoutPredictions } from './reference-profile.js';

export interface EvaluateModelInput {
  /** JSON artefacts with the `TrainingSnapshot`, `TrainingDataset` and `TrainedModel`. */
  readonly snapshot: ArtifactRef;
  readonly dataset: ArtifactRef;
  readonly trained: ArtifactRef;
  /** Bundle of the pinned champion; null where the model has none. */
  readonly champion: Bundle | null;
}

export interface EvaluateModelResult {
  readonly evaluated: ArtifactRef;
  readonly trained: ArtifactRef;
  readonly evidence: Evidence;
}

/**
 * Challenger, champion and baselines are scored on the same holdout rows, each at its own frozen threshold, and compared
 * by a paired bootstrap over UTC days. The graph stays as trained; the bundle gets the profile of holdout predictions.
 */
export async function evaluateModel(input: EvaluateModelInput, context: JobContext): Promise<EvaluateModelResult> {
  const { artifacts } = context;
  const snapshot = await getJson(artifacts, input.snapshot, TrainingSnapshot);
  const dataset = await getJson(artifacts, input.dataset, TrainingDataset);
  const { bundle, trainer } = await getJson(artifacts, input.trained, TrainedModel);
  const holdout = await readModelRows(context, dataset.holdout, inputNames(bundle.plan.inputs));
  if (holdout.rows === 0) throw new DomainError('PRN_TRAINING_NO_ROWS', { reason: 'no row lies in the holdout' });

  const probabilities = await scoreBundle(context, bundle, holdout);
  const champion = await scoreChampion(context, dataset, input.champion);
  const baselines = await scoreBaselines(context, { dataset, plan: bundle.plan, holdout, gates: snapshot.spec.gates });
  const metricsOf = (contestant: Contestant): BinaryMetrics =>
    evaluateBinary({
      probabilities: contestant.probabilities,
      labels: holdout.labels,
      threshold: contestant.threshold,
    });
  const metrics = metricsOf({ probabilities, threshold: bundle.decisionThreshold });

  const gates = judgeGates(context, {
    gates: snapshot.spec.gates,
    metrics,
    holdout,
    probabilities,
    champion,
    baselines,
    seed: snapshot.spec.trainer.seed,
  });
  const evidence: Evidence = {
    metrics,
    championMetrics: champion.state === 'scored' ? metricsOf(champion) : null,
    baselineMetrics: Object.fromEntries([...baselines].map(([name, baseline]) => [name, metricsOf(baseline)])),
    championVersion: snapshot.champion?.version ?? null,
    aliasRevision: snapshot.aliasRevision,
    gates,
    ...decideGates(gates),
  };
  return { ...(await keep(context, { bundle, trainer, probabilities, evidence })), evidence };
}

async function keep(
  { artifacts }: JobContext,
  {
    bundle,
    trainer,
    probabilities,
    evidence,
  }: Pick<TrainedModel, 'bundle' | 'trainer'> & { probabilities: Float32Array; evidence: Evidence },
): Promise<{ evaluated: ArtifactRef; trained: ArtifactRef }> {
  const profile = await getJson(artifacts, bundle.referenceProfile, ModelProfile);
  const referenceProfile = await putJson(
    artifacts,
    withHoldoutPredictions(profile, { scores: probabilities, shape: bundle }),
  );
  const completed: Bundle = { ...bundle, referenceProfile };
  return {
    evaluated: await putJson(artifacts, { evidence, evidenceDigest: sha256Hex(canonicalJson(evidence)) }),
    trained: await putJson(artifacts, {
      bundle: completed,
      bundleDigest: bundleDigestOf(completed, sha256Hex),
      ...(trainer && { trainer }),
    }),
  };
}

/** One line a gate, as the status card shows it. */
export function gateLine({ verdict, explanation }: GateResult): string {
  return `${verdict.replaceAll('_', ' ')} — ${explanation}`;
}
