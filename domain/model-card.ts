/** The model card: what a version is and how good it is, every number with the place it was taken from. */
import { z } from 'zod';
import { ArtifactRef } from './artifact.js';
import { type Evidence, type SliceCondition } from './evaluation.js';
import { Plots } from './evaluation-details.js';
import { gapMetric, metricLabel, TASK_METRICS } from './metrics.js';
import { Name } from './names.js';
import type { SearchLineage } from './search.js';
import { Task } from './task.js';
import { micros, toIso } from './time.js';
import type { TrainingDataset, TrainingSnapshot } from './training.js';

/** The documents that figures are taken from. */
export const CardSource = z.enum(['evidence', 'snapshot', 'dataset', 'search']);
export type CardSource = z.infer<typeof CardSource>;

/**
 * A value and its place: a path of member names and positions into the JSON artefact of that source, parted by dots; no
 * name has a dot in it. A time is ISO 8601 here and microseconds there.
 */
export const CardFigure = z.strictObject({
  value: z.union([z.number(), z.string(), z.null()]),
  unit: z.enum(['number', 'count', 'time', 'text']),
  source: CardSource,
  path: z.string(),
});
export type CardFigure = z.infer<typeof CardFigure>;

export const CardTable = z.strictObject({
  title: z.string(),
  note: z.string(),
  headings: z.array(z.string()),
  rows: z.array(z.array(z.union([z.string(), CardFigure]))),
});
export type CardTable = z.infer<typeof CardTable>;

export const ModelCard = z.strictObject({
  cardVersion: z.literal(1),
  model: Name,
  task: Task,
  outcome: z.enum(['passed', 'rejected']),
  reasons: z.array(z.string()),
  sources: z.strictObject({
    evidence: ArtifactRef,
    snapshot: ArtifactRef,
    dataset: ArtifactRef,
    /** Where a search chose the parameters. */
    search: ArtifactRef.optional(),
  }),
  tables: z.array(CardTable),
  plots: Plots,
});
export type ModelCard = z.infer<typeof ModelCard>;

export interface CardInput {
  readonly evidence: Evidence;
  readonly snapshot: TrainingSnapshot;
  readonly dataset: TrainingDataset;
  /** Of the JSON artefacts with the `EvaluatedModel`, the `TrainingSnapshot` and the `TrainingDataset`. */
  readonly sources: Record<Exclude<CardSource, 'search'>, ArtifactRef>;
  /** Where a search chose the parameters. */
  readonly search?: SearchLineage | undefined;
}

/** Of several documents of one kind a card shows so many. */
const SHOWN_ROWS = 20;

export function modelCard(input: CardInput): ModelCard {
  const { evidence, snapshot, sources, search } = input;
  return {
    cardVersion: 1,
    model: snapshot.model,
    task: evidence.task,
    outcome: evidence.outcome,
    reasons: [...evidence.reasons],
    sources: { ...sources, ...(search && { search: search.report }) },
    tables: [
      trainingTable(input),
      metricTable(evidence),
      gateTable(evidence),
      sliceTable(evidence),
      searchTable(evidence),
      alarmTable(evidence),
      robustnessTable(evidence),
    ].filter(({ rows }) => rows.length > 0),
    plots: evidence.plots,
  };
}

type Row = CardTable['rows'][number];

function trainingTable({ evidence, snapshot, dataset, search }: CardInput): CardTable {
  const { spec, split, spine } = snapshot;
  const pinned = (path: string, value: CardFigure['value'], unit: CardFigure['unit']): CardFigure => ({
    value,
    unit,
    source: 'snapshot',
    path,
  });
  const time = (path: string, value: number): CardFigure => pinned(path, toIso(micros(value)), 'time');
  const counted = (path: string, value: number): CardFigure => ({ value, unit: 'count', source: 'dataset', path });
  const rows: Row[] = [
    ['dataset', pinned('spine.dataset', spine.dataset, 'text')],
    ['dataset version', pinned('spine.versionId', spine.versionId, 'text')],
    ['label', pinned('spec.label.expression', spec.label.expression, 'text')],
    ['trainer', pinned('spec.trainer.kind', spec.trainer.kind, 'text')],
    ...(search === undefined ? [] : [chosenRow(search)]),
    ['seed', pinned('spec.trainer.seed', spec.trainer.seed, 'count')],
    ['known at', time('asOf', snapshot.asOf)],
    ['knowledge of times', pinned('knowledge', snapshot.knowledge, 'text')],
    ['training from', time('split.trainFrom', split.trainFrom)],
    ['training to', time('split.trainTo', split.trainTo)],
    ['training rows', counted('trainRows', dataset.trainRows)],
    ['holdout from', time('split.holdoutFrom', split.holdoutFrom)],
    ['holdout to', time('split.holdoutTo', split.holdoutTo)],
    ['holdout rows', counted('holdoutRows', dataset.holdoutRows)],
    ['independent blocks', ofEvidence('blocks.count', evidence.blocks.count, 'count')],
    ['what a block is', ofEvidence('blocks.kind', evidence.blocks.kind, 'text')],
  ];
  if (evidence.decisionThreshold !== null) {
    const { costs } = spec.evaluation;
    const chosen = costs === undefined ? 'greatest F1' : 'least declared cost';
    rows.push([
      `decision threshold, ${chosen} on training rows`,
      ofEvidence('decisionThreshold', evidence.decisionThreshold),
    ]);
    for (const [outcome, cost] of Object.entries(costs ?? {}))
      rows.push([`cost of a ${spaced(outcome)}`, pinned(`spec.evaluation.costs.${outcome}`, cost, 'number')]);
  }
  if (evidence.holdoutUse !== null)
    rows.push(['attempt on this holdout', ofEvidence('holdoutUse.attempt', evidence.holdoutUse.attempt, 'count')]);
  if (evidence.holdoutUse?.overlap !== undefined) {
    const { attempts, promotions, share } = evidence.holdoutUse.overlap;
    const at = 'holdoutUse.overlap';
    rows.push(['attempts on overlapping holdouts', ofEvidence(`${at}.attempts`, attempts, 'count')]);
    rows.push(['of them in production', ofEvidence(`${at}.promotions`, promotions, 'count')]);
    rows.push(['greatest share of the time in common', ofEvidence(`${at}.share`, share)]);
  }
  return { title: 'Training', note: '', headings: ['what', 'value'], rows };
}

function chosenRow({ reason }: SearchLineage): Row {
  return ['parameters', { value: reason, unit: 'text', source: 'search', path: 'reason' }];
}

/** `falsePositive` as words. */
function spaced(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** A figure of the evidence. */
function ofEvidence(path: string, value: CardFigure['value'], unit: CardFigure['unit'] = 'number'): CardFigure {
  return { value, unit, source: 'evidence', path: `evidence.${path}` };
}

function metricTable({ task, metrics, championMetrics, baselineMetrics, championVersion }: Evidence): CardTable {
  const baselines = Object.keys(baselineMetrics).sort();
  const champion = championMetrics === null ? [] : [`champion ${championVersion ?? ''}`.trim()];
  const rows = TASK_METRICS[task].flatMap((metric): Row[] => {
    const own = metrics[metric];
    if (own === undefined) return [];
    const at = `metrics.${metric}`;
    return [
      [
        metricLabel(metric),
        ofEvidence(`${at}.value`, own.value),
        ofEvidence(`${at}.lower`, own.lower),
        ofEvidence(`${at}.upper`, own.upper),
        ofEvidence(`${at}.method`, own.method, 'text'),
        ...(championMetrics === null
          ? []
          : [ofEvidence(`championMetrics.${metric}.value`, championMetrics[metric]?.value ?? null)]),
        ...baselines.map((name) =>
          ofEvidence(`baselineMetrics.${name}.${metric}.value`, baselineMetrics[name]?.[metric]?.value ?? null),
        ),
      ],
    ];
  });
  const confidence = Object.values(metrics)[0]?.confidence;
  return {
    title: 'Metrics on the holdout',
    note: confidence === undefined ? '' : `Two-sided intervals at ${confidence * 100} %, resampled by blocks.`,
    headings: ['metric', 'value', 'lower', 'upper', 'method', ...champion, ...baselines],
    rows,
  };
}

function gateTable({ gates }: Evidence): CardTable {
  const rows = gates.map((gate, position): Row => {
    const at = `gates.${position}`;
    return [
      gate.name,
      ofEvidence(`${at}.verdict`, gate.verdict, 'text'),
      ofEvidence(`${at}.observed`, gate.observed),
      ...(gate.interval === null
        ? ['', '']
        : [
            ofEvidence(`${at}.interval.lower`, gate.interval.lower),
            ofEvidence(`${at}.interval.upper`, gate.interval.upper),
          ]),
      ofEvidence(`${at}.threshold`, gate.threshold),
      ofEvidence(`${at}.rows`, gate.rows, 'count'),
      ofEvidence(`${at}.blocks`, gate.blocks, 'count'),
      ofEvidence(`${at}.explanation`, gate.explanation, 'text'),
    ];
  });
  return {
    title: 'Gates',
    note: 'One-sided bounds.',
    headings: ['gate', 'verdict', 'observed', 'lower', 'upper', 'threshold', 'rows', 'blocks', 'in words'],
    rows,
  };
}

function sliceTable({ task, slices }: Evidence): CardTable {
  const metric = gapMetric(task);
  const gapOf = (position: number): number => Math.abs(slices[position]?.metrics[metric]?.value ?? 0);
  const worst = [...slices.keys()].sort((left, right) => gapOf(right) - gapOf(left)).slice(0, SHOWN_ROWS);
  const rows = worst.flatMap((position): Row[] => {
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

function searchTable({ sliceSearch }: Evidence): CardTable {
  const rows = sliceSearch.worst.map(({ where, rows: size, gap, adjustedP }, position): Row => {
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

function alarmTable({ alarms }: Evidence): CardTable {
  const rows = alarms.map(({ kind, subject, value, explanation }, position): Row => {
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

function robustnessTable({ robustness }: Evidence): CardTable {
  const rows = robustness.map(({ input, change, before, after, drop }, position): Row => {
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

function inWords(where: readonly SliceCondition[]): string {
  return where.map(({ column, value }) => `${column} is ${value}`).join(' and ');
}
