/** `evaluate`: all metrics of a binary model with intervals from resamples of a million rows, by rows and by days. */
import { TASK_METRICS } from '../domain/metrics.js';
import { estimatesOf, bootstrap } from '../ml/evaluation/bootstrap.js';
import { statisticOf } from '../ml/evaluation/evaluate.js';
import { ascendingOrder } from '../ml/evaluation/metrics.js';
import { takeFloats } from '../ml/evaluation/predictions.js';
import { blocksOf, type SamplingUnit } from '../ml/evaluation/resampling.js';
import { createUniform } from '../ml/random.js';
import type { BenchmarkOptions, BenchmarkReport } from './report.js';

const ROWS = 1_000_000;
const RESAMPLES = 1_000;
const DAYS = 90;
const COSTS = { truePositive: 0, falsePositive: 1, trueNegative: 0, falseNegative: 5 };

/** Scores are all different, which is the worst case: ties share their sums. */
export async function evaluate(_options: BenchmarkOptions): Promise<BenchmarkReport> {
  const { probabilities, labels } = generate();
  const days = blocksOf(Float64Array.from(labels, (_label, row) => Math.floor((row * DAYS) / ROWS)));
  const byRows = measure({ probabilities, labels }, { kind: 'row', rows: ROWS });
  const byDays = measure({ probabilities, labels }, days);
  const figures = {
    rows: ROWS,
    resamples: RESAMPLES,
    metrics: TASK_METRICS.binary.length,
    seconds_by_rows: byRows.seconds,
    seconds_by_days: byDays.seconds,
    defined_metrics: byRows.defined,
    peak_rss_gb: process.resourceUsage().maxRSS / 2 ** 20,
  };
  return {
    case: 'evaluate',
    figures,
    aims: {
      seconds_by_rows: { value: byRows.seconds, aim: 20, direction: 'atMost' },
      seconds_by_days: { value: byDays.seconds, aim: 20, direction: 'atMost' },
    },
  };
}

interface Scored {
  readonly probabilities: Float32Array;
  readonly labels: Float32Array;
}

function generate(): Scored {
  const uniform = createUniform(7);
  const probabilities = Float32Array.from({ length: ROWS }, () => uniform() ** 2);
  return { probabilities, labels: probabilities.map((probability) => (uniform() < probability ? 1 : 0)) };
}

/** From predictions in the order of the holdout to intervals, as an evaluation does it. */
function measure({ probabilities, labels }: Scored, unit: SamplingUnit): { seconds: number; defined: number } {
  const startedMs = performance.now();
  const order = ascendingOrder(probabilities);
  const statistic = statisticOf({
    predictions: { task: 'binary', probabilities: takeFloats(probabilities, order) },
    labels: takeFloats(labels, order),
    threshold: 0.5,
    costs: COSTS,
  });
  const sorted = unit.kind === 'row' ? unit : blocksOf(order.map((row) => unit.blockOf[row] as number));
  const [resampled] = bootstrap([statistic], { unit: sorted, resamples: RESAMPLES, seed: 1 });
  const metrics = resampled === undefined ? {} : estimatesOf(resampled, 0.95);
  const seconds = (performance.now() - startedMs) / 1_000;
  return { seconds, defined: Object.values(metrics).filter(({ state }) => state === 'ok').length };
}
