/** CPU body of evaluation: score the holdout beside champion and baselines, judge the gates, complete the bundle. */
import { createHash } from 'node:crypto';
import { type ArtifactRef, MEDIA_TYPES } from '../../domain/artifact.js';
import type { Bundle } from '../../domain/bundle.js';
import { DomainError } from '../../domain/errors.js';
import type { Alarm, Evidence, RobustnessResult, SliceSearch } from '../../domain/evaluation.js';
import { EvaluationDetails, type Plots } from '../../domain/evaluation-details.js';
import { decideGates } from '../../domain/gates.js';
import { ModelProfile } from '../../domain/model-profile.js';
import { foldsOf } from '../../domain/split.js';
import { TrainedModel, TrainingDataset, TrainingSnapshot } from '../../domain/training.js';
import { estimatesOf } from '../../ml/evaluation/bootstrap.js';
import { detailsOf } from '../../ml/evaluation/curves.js';
import { drawPlots } from '../../ml/evaluation/plots.js';
import { predictionsOf } from '../../ml/evaluation/predictions.js';
import { sha256Hex } from '../../store/contracts/digests.js';
import { getJson, putJson } from '../../store/contracts/json-artifacts.js';
import { bundleDigestOf } from './bundle-parts.js';
import { scoreBaselines, scoreChampion } from './contestants.js';
import type { JobContext } from './context.js';
import { getFloats } from './float-artifacts.js';
import { judgeGates } from './gate-judging.js';
import { raiseAlarms } from './leakage-alarms.js';
import { inputNames, type ModelRows, readAvailableRows, readModelRows, sliceRows } from './model-rows.js';
import { computeFeatures, requireUsableScores, scoreBundle } from './model-scoring.js';
import { withHoldoutPredictions } from './reference-profile.js';
import { type JudgedContestants, resampleContestants } from './resampled-contestants.js';
import { measureRobustness } from './robustness.js';
import { samplingUnit } from './sampling-unit.js';
import { measureSlices, searchWorstSlices, slicedColumns, sliceResults } from './slice-metrics.js';

export interface EvaluateModelInput {
  /** JSON artefacts with the `TrainingSnapshot`, `TrainingDataset` and `TrainedModel`. */
  readonly snapshot: ArtifactRef;
  readonly dataset: ArtifactRef;
  readonly trained: ArtifactRef;
  /** Bundle of the pinned champion; null where the model has none. */
  readonly champion: Bundle | null;
}

export interface EvaluateModelResult {
  /** JSON artefact with the `TrainedModel`, its profile completed. */
  readonly trained: ArtifactRef;
  /** Not stored yet, since the use of the holdout is not in it. */
  readonly evidence: Evidence;
}

interface Evaluated {
  readonly snapshot: TrainingSnapshot;
  readonly bundle: Bundle;
  /** What is kept of training as it is. */
  readonly lineage: Omit<TrainedModel, 'bundle' | 'bundleDigest'>;
  readonly train: ModelRows;
  readonly holdout: ModelRows;
  /** Raw scores of the challenger for the holdout. */
  readonly scores: Float32Array;
  readonly judged: JudgedContestants;
  readonly blocks: Evidence['blocks'];
}

/**
 * Throws `PRN_TRAINER_PREDICTIONS` for a challenger whose scores of the holdout are none of its task.
 *
 * Challenger, champion and baselines are scored on the same holdout rows, each at its own frozen threshold, and resampled
 * together by days, groups or rows. The graphs stay as trained; the bundle gets the profile of holdout predictions. How
 * often the holdout was used is not known here: see `withHoldoutUse`.
 */
export async function evaluateModel(input: EvaluateModelInput, context: JobContext): Promise<EvaluateModelResult> {
  const evaluated = await scoreEverybody(input, context);
  const { snapshot, bundle, holdout, judged, blocks, lineage } = evaluated;
  const { spec } = snapshot;
  const resampled = resampleContestants(context, judged);
  const slices = await measureSlices(context, { spec, bundle, holdout, judged });
  const findings = await findWeaknesses(context, evaluated);
  const { champion } = judged;
  const gates = judgeGates({ gates: spec.gates, blocks, resampled, champion, slices, alarms: findings.alarms });
  const { confidence } = spec.evaluation;
  const evidence: Evidence = {
    evidenceVersion: 2,
    task: bundle.task,
    rows: holdout.rows,
    blocks,
    holdoutDigest: holdoutDigestOf(holdout),
    holdoutUse: null,
    decisionThreshold: bundle.task === 'binary' ? bundle.decisionThreshold : null,
    metrics: estimatesOf(resampled.challenger, confidence),
    championMetrics: resampled.champion === null ? null : estimatesOf(resampled.champion, confidence),
    baselineMetrics: Object.fromEntries(
      [...resampled.baselines].map(([name, baseline]) => [name, estimatesOf(baseline, confidence)]),
    ),
    championVersion: snapshot.champion?.version ?? null,
    aliasRevision: snapshot.aliasRevision,
    slices: sliceResults(slices, { task: bundle.task, confidence }),
    ...findings,
    ...(lineage.fit && { fit: lineage.fit }),
    ...(await keepDetails(context, evaluated, findings.robustness)),
    gates,
    ...decideGates(gates),
  };
  return { trained: await keepTrained(context, evaluated), evidence };
}

async function scoreEverybody(input: EvaluateModelInput, context: JobContext): Promise<Evaluated> {
  const { artifacts } = context;
  const snapshot = await getJson(artifacts, input.snapshot, TrainingSnapshot);
  const dataset = await getJson(artifacts, input.dataset, TrainingDataset);
  const { bundle, bundleDigest: _unfinished, ...lineage } = await getJson(artifacts, input.trained, TrainedModel);
  const { foldScores } = lineage;
  const { spec } = snapshot;
  const inputs = inputNames(bundle.plan.inputs);
  const holdout = await readAvailableRows(context, dataset.holdout, {
    names: inputs,
    optional: [...slicedColumns(spec), ...inputNames(input.champion?.plan.inputs ?? [])],
  });
  if (holdout.rows === 0) throw new DomainError('PRN_TRAINING_NO_ROWS', { reason: 'no row lies in the holdout' });
  const train = await readModelRows(context, dataset.train, inputs);
  const scores = foldScores ? await getFloats(artifacts, foldScores) : await scoreBundle(context, bundle, holdout);
  requireUsableScores(scores, bundle, 'holdout');
  const champion = await scoreChampion(context, holdout, { champion: input.champion, shape: bundle });
  const baselines = await scoreBaselines(context, { spec, bundle, train, holdout });
  const { unit, blocks } = samplingUnit(spec, holdout);
  const judged: JudgedContestants = {
    evaluation: spec.evaluation,
    seed: spec.trainer.seed,
    unit,
    holdout,
    challenger: { predictions: predictionsOf(bundle, scores), threshold: bundle.decisionThreshold },
    champion,
    baselines,
  };
  return { snapshot, bundle, lineage, train, holdout, scores, judged, blocks };
}

async function findWeaknesses(
  context: JobContext,
  { snapshot, bundle, train, holdout, judged }: Evaluated,
): Promise<{ sliceSearch: SliceSearch; alarms: Alarm[]; robustness: RobustnessResult[] }> {
  const { spec } = snapshot;
  const matrix = await computeFeatures(context, bundle.plan, holdout);
  const trainMatrix = await computeFeatures(context, bundle.plan, train);
  const alarms = raiseAlarms(context, {
    spec,
    bundle,
    train: { rows: train, matrix: trainMatrix },
    holdout: { rows: holdout, matrix },
  });
  return {
    sliceSearch: searchWorstSlices({ bundle, holdout, matrix, judged }),
    alarms,
    robustness: await measureRobustness(context, {
      bundle,
      holdout: unseenRows(snapshot, holdout),
      seed: spec.trainer.seed,
    }),
  };
}

/** Holdout rows that the bundle's own model was not trained on: of a rolling origin those of the last fold. */
function unseenRows({ spec, split }: TrainingSnapshot, holdout: ModelRows): ModelRows {
  const last = foldsOf(spec, split).at(-1);
  const first = last === undefined ? 0 : holdout.eventTs.findIndex((time) => time >= last.from);
  return first <= 0 ? holdout : sliceRows(holdout, first, holdout.rows);
}

/** Curves and plots, which are too much for the evidence itself. */
async function keepDetails(
  { artifacts }: JobContext,
  { holdout, judged }: Evaluated,
  robustness: readonly RobustnessResult[],
): Promise<{ details: ArtifactRef; plots: Plots }> {
  const { predictions, threshold } = judged.challenger;
  const details = EvaluationDetails.parse({
    ...detailsOf({ predictions, labels: holdout.labels, weights: holdout.weights, threshold }),
    importance: robustness
      .flatMap(({ input, change, drop }) => (change === 'shuffled' && drop !== null ? [{ input, drop }] : []))
      .sort((left, right) => right.drop - left.drop),
  });
  const plots: Plots = {};
  for (const [name, text] of Object.entries(drawPlots(details)))
    Object.assign(plots, { [name]: await artifacts.put(new TextEncoder().encode(text), MEDIA_TYPES.svg) });
  return { details: await putJson(artifacts, details), plots };
}

/** Times, labels and weights: the same rows whatever features were tried on them. */
function holdoutDigestOf({ eventTs, labels, weights }: ModelRows): string {
  const hash = createHash('sha256');
  for (const values of [eventTs, labels, ...(weights === undefined ? [] : [weights])])
    hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return hash.digest('hex');
}

async function keepTrained({ artifacts }: JobContext, { bundle, lineage, scores }: Evaluated): Promise<ArtifactRef> {
  const profile = await getJson(artifacts, bundle.referenceProfile, ModelProfile);
  const referenceProfile = await putJson(artifacts, withHoldoutPredictions(profile, { scores, shape: bundle }));
  const completed: Bundle = { ...bundle, referenceProfile };
  return putJson(artifacts, { bundle: completed, bundleDigest: bundleDigestOf(completed, sha256Hex), ...lineage });
}
