/** A local training as people and programs read it. */
import type { Evidence } from '../../domain/evaluation.js';
import { decideGates } from '../../domain/gates.js';
import { HEADLINE_METRICS, metricLabel, metricValue } from '../../domain/metrics.js';
import { micros, toIso } from '../../domain/time.js';
import type { LocalTraining } from '../local/training.js';
import { render } from '../output.js';

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

/** What was set aside, and what must be known first: a line each, for standard error. */
export function trainingNotes({ data, warnings }: Pick<LocalTraining, 'data' | 'warnings'>): string[] {
  const ofFiles = data.flatMap(({ dataset, file, accepted, quarantined, problems }) => [
    ...(quarantined > 0
      ? [`${dataset}: ${quarantined} of ${accepted + quarantined} rows of ${file} were quarantined.`]
      : []),
    ...problems.map((problem) => `  ${problem}`),
  ]);
  return [...ofFiles, ...warnings];
}

export function trainingText(training: LocalTraining, out: string | undefined): string {
  const { snapshot, dataset, evaluated, trained } = training;
  const { evidence } = evaluated;
  const { split } = snapshot;
  const iso = (time: number): string => toIso(micros(time)).replace('.000Z', 'Z');
  const part = (rows: number, from: number, to: number): string => `${rows} rows from ${iso(from)} to ${iso(to)}`;
  return [
    verdictLine(snapshot.model, evidence),
    ...evidence.reasons.map((reason) => `  ${reason}`),
    `trained on ${part(dataset.trainRows, split.trainFrom, split.trainTo)}${leftOut(training)}`,
    ...(trained.search === undefined ? [] : [`parameters: ${trained.search.reason}`]),
    `judged on ${part(dataset.holdoutRows, split.holdoutFrom, split.holdoutTo)}`,
    '',
    metricsTable(evidence),
    '',
    render({ items: evidence.gates }, 'table', GATES),
    '',
    `bundle ${trained.bundleDigest}`,
    out === undefined ? 'Nothing was kept; --out DIR keeps bundle, metrics and card.' : `all of it in ${out}`,
  ].join('\n');
}

function verdictLine(model: string, { gates, outcome }: Evidence): string {
  const applying = gates.filter(({ verdict }) => verdict !== 'not_applicable').length;
  if (outcome === 'passed') return `${model}: passed all ${applying} gates that apply`;
  return `${model}: refused by ${decideGates(gates).reasons.length} of ${applying} gates that apply`;
}

function leftOut({ dataset: { refused } }: LocalTraining): string {
  const reasons = Object.entries(refused).flatMap(([reason, rows]) => (rows === 0 ? [] : [`${rows} for ${reason}`]));
  return reasons.length === 0 ? '' : `, left out ${reasons.join(', ')}`;
}

function metricsTable({ task, metrics, baselineMetrics }: Evidence): string {
  const baselines = Object.entries(baselineMetrics);
  const items = HEADLINE_METRICS[task].map((metric) => ({
    metric: metricLabel(metric),
    ...metrics[metric],
    ...Object.fromEntries(baselines.map(([_name, of], index) => [`baseline${index}`, metricValue(of, metric)])),
  }));
  const columns = {
    METRIC: 'metric',
    VALUE: 'value',
    LOWER: 'lower',
    UPPER: 'upper',
    ...Object.fromEntries(baselines.map(([name], index) => [name.toUpperCase(), `baseline${index}`])),
  };
  return render({ items }, 'table', { columns });
}
