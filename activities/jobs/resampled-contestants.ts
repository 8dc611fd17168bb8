/** Everybody who is judged, on one series of resamples of the same rows. */
import type { EvaluationSpec } from '../../domain/evaluation.js';
import { bootstrap, type ResampledMetrics } from '../../ml/evaluation/bootstrap.js';
import { statisticOf } from '../../ml/evaluation/evaluate.js';
import { ascendingOrder } from '../../ml/evaluation/metrics.js';
import { rowCount, takeFloats, takePredictions } from '../../ml/evaluation/predictions.js';
import { LARGE_SAMPLE_ROWS, type SamplingUnit } from '../../ml/evaluation/resampling.js';
import type { Champion, Contestant } from './contestants.js';
import type { JobContext } from './context.js';
import type { ModelRows } from './model-rows.js';
import { unitOfRows } from './sampling-unit.js';

export interface JudgedContestants {
  readonly evaluation: EvaluationSpec;
  readonly seed: number;
  readonly unit: SamplingUnit;
  readonly holdout: Pick<ModelRows, 'rows' | 'labels' | 'weights'>;
  readonly challenger: Contestant;
  readonly champion: Champion;
  readonly baselines: ReadonlyMap<string, Contestant>;
}

export interface ResampledContestants {
  readonly challenger: ResampledMetrics;
  readonly champion: ResampledMetrics | null;
  readonly baselines: ReadonlyMap<string, ResampledMetrics>;
}

/** Stops between two resamples when the job is cancelled. */
export function resampleContestants(
  context: Pick<JobContext, 'progress' | 'signal'>,
  judged: JudgedContestants,
): ResampledContestants {
  const { challenger, champion, baselines } = judged;
  const scored = champion.state === 'scored' ? [champion] : [];
  const [mine, ...others] = resample(context, judged, [challenger, ...scored, ...baselines.values()]);
  if (mine === undefined) throw new RangeError('nobody was judged');
  const ofBaselines = others.slice(scored.length);
  return {
    challenger: mine,
    champion: champion.state === 'scored' ? (others[0] ?? null) : null,
    baselines: new Map(
      [...baselines.keys()].flatMap((name, position) => {
        const found = ofBaselines[position];
        return found === undefined ? [] : [[name, found] as const];
      }),
    ),
  };
}

/** The challenger alone on some of the rows. */
export function resampleSlice(
  context: Pick<JobContext, 'progress' | 'signal'>,
  judged: JudgedContestants,
  rows: Uint32Array,
): ResampledMetrics {
  const { holdout, challenger, unit } = judged;
  const part = {
    ...judged,
    unit: unitOfRows(unit, rows),
    holdout: {
      rows: rows.length,
      labels: takeFloats(holdout.labels, rows),
      ...(holdout.weights !== undefined && { weights: takeFloats(holdout.weights, rows) }),
    },
  };
  const taken = { ...challenger, predictions: takePredictions(challenger.predictions, rows) };
  const [resampled] = resample(context, part, [taken]);
  if (resampled === undefined) throw new RangeError('nobody was judged');
  return resampled;
}

function resample(
  { progress, signal }: Pick<JobContext, 'progress' | 'signal'>,
  { evaluation, seed, unit, holdout }: Pick<JudgedContestants, 'evaluation' | 'seed' | 'unit' | 'holdout'>,
  contestants: readonly Contestant[],
): ResampledMetrics[] {
  const order = scoreOrder(contestants[0]);
  const labels = takeFloats(holdout.labels, order);
  const weights = holdout.weights === undefined ? undefined : takeFloats(holdout.weights, order);
  const statistics = contestants.map(({ predictions, threshold }) =>
    statisticOf({
      predictions: takePredictions(predictions, order),
      labels,
      weights,
      threshold,
      costs: evaluation.costs,
    }),
  );
  return bootstrap(statistics, {
    unit: unitOfRows(unit, order),
    resamples: evaluation.resamples,
    seed,
    onPass: (done, passes) => {
      signal.throwIfAborted();
      if (done % 50 === 0) progress({ message: `resample ${done} of ${passes}` });
    },
  });
}

/** Many rows are walked in the order of their probability: in memory as well, a pass takes less than half the time. */
function scoreOrder(first: Contestant | undefined): Uint32Array {
  const predictions = first?.predictions;
  if (predictions?.task === 'binary') {
    const { probabilities } = predictions;
    return probabilities.length > LARGE_SAMPLE_ROWS
      ? ascendingOrder(probabilities)
      : Uint32Array.from(probabilities.keys());
  }
  const rows = predictions === undefined ? 0 : rowCount(predictions);
  return Uint32Array.from({ length: rows }, (_unused, row) => row);
}
