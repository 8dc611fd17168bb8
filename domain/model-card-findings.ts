/** Tables of a model card about what an evaluation found, and what the model says of itself. */
import type { Evidence, SliceCondition } from './evaluation.js';
import { gapMetric, metricLabel } from './metrics.js';
import { type CardRow, type CardTable, ofEvidence } from './model-card-table.js';

/** Of several documents of one kind a card shows so many. */
const SHOWN_ROWS = 20;

export function sliceTable({ task, slices }: Evidence): CardTable {
  const metric = gapMetric(task);
  const gapOf = (position: number): number => Math.abs(slices[position]?.metrics[metric]?.value ?? 0);
  const worst = [...slices.keys()].sort((left, right) => gapOf(right) - gapOf(left)).slice(0, SHOWN_ROWS);
  const rows = worst.flatMap((position): CardRow[] => {
    const slice = slices[position];
    if (slice === undefined) return [];
    const at = `slices.${position}`;
    const found = slice.metrics[metric];
    return [
      [
        inWords(slice.where),
        ofEvidence(`${at}.rows`, slice.rows, 'count'),
        ofEvidence(`${at}.metrics.${metric}.value`, found?.value ?? null),
        ofEvidence(`${at}.metrics.${metric}.lower`, found?.lower ?? null),
        ofEvidence(`${at}.metrics.${metric}.upper`, found?.upper ?? null),
      ],
    ];
  });
  return {
    title: 'Declared slices',
    note: `By magnitude of ${metricLabel(metric)}, worst first; not corrected for their number.`,
    headings: ['where', 'rows', metricLabel(metric), 'lower', 'upper'],
    rows,
  };
}

export function searchTable({ sliceSearch }: Evidence): CardTable {
  const rows = sliceSearch.worst.map(({ where, rows: size, gap, adjustedP }, position): CardRow => {
    const at = `sliceSearch.worst.${position}`;
    return [
      inWords(where),
      ofEvidence(`${at}.rows`, size, 'count'),
      ofEvidence(`${at}.gap`, gap),
      ofEvidence(`${at}.adjustedP`, adjustedP),
    ];
  });
  return {
    title: 'Worst slices found',
    note: `Of ${sliceSearch.searched} slices; p is adjusted for all of them (max-T over resamples).`,
    headings: ['where', 'rows', 'mean of prediction − outcome', 'adjusted p'],
    rows,
  };
}

export function alarmTable({ alarms }: Evidence): CardTable {
  const rows = alarms.map(({ kind, subject, value, explanation }, position): CardRow => {
    const at = `alarms.${position}`;
    return [
      ofEvidence(`${at}.kind`, kind, 'text'),
      ofEvidence(`${at}.subject`, subject, 'text'),
      ofEvidence(`${at}.value`, value),
      ofEvidence(`${at}.explanation`, explanation, 'text'),
    ];
  });
  return { title: 'Alarms', note: '', headings: ['kind', 'subject', 'value', 'in words'], rows };
}

export function robustnessTable({ robustness }: Evidence): CardTable {
  const rows = robustness.map(({ input, change, before, after, drop }, position): CardRow => {
    const at = `robustness.${position}`;
    return [
      input,
      ofEvidence(`${at}.change`, change, 'text'),
      ofEvidence(`${at}.before`, before),
      ofEvidence(`${at}.after`, after),
      ofEvidence(`${at}.drop`, drop),
    ];
  });
  const metric = robustness[0]?.metric ?? '';
  return {
    title: 'Robustness',
    note: `${metric.replaceAll('_', ' ')} where an input is missing or shuffled over the rows.`,
    headings: ['input', 'change', 'before', 'after', 'added loss'],
    rows,
  };
}

/** Of trees the gain by feature, of a linear model its coefficients. */
export function fitTable({ fit }: Evidence): CardTable {
  if (fit?.kind === 'trees') {
    const { importance, usedFeatures, trees } = fit;
    return {
      title: 'Importance of features',
      note: `By gain: share of what all splits of ${trees} trees took from the training loss. ${shownOf(importance, usedFeatures, 'features that trees ask for')}`,
      headings: ['feature', 'share'],
      rows: importance.map(({ feature, share }, position) => [
        feature,
        ofEvidence(`fit.importance.${position}.share`, share),
      ]),
    };
  }
  const { coefficients = [], terms = 0, converged = true } = fit ?? {};
  return {
    title: 'Coefficients',
    note: `In raw score (log-odds, or units of the label) by unit of the feature, with standard errors. ${shownOf(coefficients, terms, 'coefficients')}${converged ? '' : ' The fit did not converge.'}`,
    headings: ['term', 'estimate', 'standard error', 'p'],
    rows: coefficients.map(({ term, estimate, standardError, pValue }, position) => {
      const at = `fit.coefficients.${position}`;
      return [
        term,
        ofEvidence(`${at}.estimate`, estimate),
        ofEvidence(`${at}.standardError`, standardError),
        ofEvidence(`${at}.pValue`, pValue),
      ];
    }),
  };
}

function shownOf(shown: readonly unknown[], all: number, what: string): string {
  return `${shown.length} of ${all} ${what}.`;
}

function inWords(where: readonly SliceCondition[]): string {
  return where.map(({ column, value }) => `${column} is ${value}`).join(' and ');
}
