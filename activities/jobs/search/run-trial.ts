/** CPU body of a trial with a built-in trainer: fits the rows to fit as training fits its own, and scores those put aside. */
import type { ArtifactRef } from '../../../domain/artifact.js';
import { SearchPlan } from '../../../domain/search.js';
import { isBuiltIn, type TrainerParameters } from '../../../domain/trainer.js';
import { predict } from '../../../ml/training/predict.js';
import { builtInTrainer } from '../../../ml/training/train.js';
import { canonicalJson } from '../../../domain/canonical-json.js';
import { getJson } from '../../../store/contracts/json-artifacts.js';
import type { JobContext } from '../context.js';
import { fitModel } from '../fit-model.js';
import { readSearchRows, scoreTrial, type TrialScores } from './trial-scoring.js';

export interface RunTrialInput {
  /** JSON artefact with the `SearchPlan`. */
  readonly plan: ArtifactRef;
  readonly parameters: TrainerParameters;
}

/**
 * Early stopping of boosting looks at the last rows of those to fit, as in training, never at those put aside. Throws what
 * training throws, and `PRN_TRAINING_DIVERGED`.
 */
export async function runTrial({ plan: ref, parameters }: RunTrialInput, context: JobContext): Promise<TrialScores> {
  const plan = await getJson(context.artifacts, ref, SearchPlan);
  const { trainer, task, classes, features } = plan;
  if (!isBuiltIn(trainer)) throw new TypeError(`trainer ${trainer.kind} does not run in the compute pool`);
  const { matrix, rows, labels, weights } = await readSearchRows(context, plan, plan.fit);
  const form = await fitModel(context, {
    key: `${ref.sha256}/${canonicalJson(parameters)}`,
    trainer: builtInTrainer({ kind: trainer.kind, parameters, seed: trainer.seed }),
    data: {
      task,
      classes,
      matrix,
      rows,
      columns: features.length,
      names: features.map(({ name }) => name),
      categorical: features.flatMap(({ categorical }, index) => (categorical ? [index] : [])),
      labels,
      ...(weights && { weights }),
    },
  });
  const validation = await readSearchRows(context, plan, plan.validation);
  const scores = predict(form, validation.matrix, validation.rows);
  const iterations = form.kind === 'trees' ? { iterations: form.ensemble.trees.length / form.ensemble.outputs } : {};
  const { loss, metrics } = scoreTrial(plan, scores, validation);
  return { loss, metrics: { ...metrics, ...iterations } };
}
