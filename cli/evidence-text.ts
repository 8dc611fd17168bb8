/** Evidence as a person reads it in a terminal: the verdict in a line, headline metrics beside others', every gate. */
import type { Evidence } from '../domain/evaluation.js';
import { decideGates } from '../domain/gates.js';
import { type EvaluationMetrics, HEADLINE_METRICS, metricLabel, metricValue } from '../domain/metrics.js';
import { render } from './output.js';

const GATES = {
  columns: {
    GATE: 'name',
    VERDICT: 'verdict',
    OBSERVED: 'observed',
    LOWER: 'interval.lower',
    UPPER: 'interval.upper',
    ASKED: 'threshold',
  },
};

/** Such as `refused by 1 of 3 gates that apply`. */
export function verdictText({ gates, outcome }: Pick<Evidence, 'gates' | 'outcome'>): string {
  const applying = gates.filter(({ verdict }) => verdict !== 'not_applicable').length;
  if (outcome === 'passed') return `passed all ${applying} gates that apply`;
  return `refused by ${decideGates(gates).reasons.length} of ${applying} gates that apply`;
}

/** Whom the model is compared with on the same rows: the champion if there is one, then baselines by name. */
export function comparedWith({
  championMetrics,
  championVersion,
  baselineMetrics,
}: Pick<Evidence, 'championMetrics' | 'championVersion' | 'baselineMetrics'>): [string, EvaluationMetrics][] {
  const champion: [string, EvaluationMetrics][] =
    championMetrics === null ? [] : [[`champion ${championVersion ?? ''}`.trim(), championMetrics]];
  return [...champion, ...Object.entries(baselineMetrics)];
}

export function metricsTable(evidence: Evidence): string {
  const others = comparedWith(evidence);
  const items = HEADLINE_METRICS[evidence.task].map((metric) => ({
    metric: metricLabel(metric),
    ...evidence.metrics[metric],
    ...Object.fromEntries(others.map(([_name, of], index) => [`other${index}`, metricValue(of, metric)])),
  }));
  const columns = {
    METRIC: 'metric',
    VALUE: 'value',
    LOWER: 'lower',
    UPPER: 'upper',
    ...Object.fromEntries(others.map(([name], index) => [name.toUpperCase(), `other${index}`])),
  };
  return render({ items }, 'table', { columns });
}

export function gatesTable({ gates }: Pick<Evidence, 'gates'>): string {
  return render({ items: gates }, 'table', GATES);
}
