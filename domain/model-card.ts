/** The model card: what a version is and how good it is, every number with the place it was taken from. */
import { z } from 'zod';
import { ArtifactRef } from './artifact.js';
import type { Evidence } from './evaluation.js';
import { Plots } from './evaluation-details.js';
import { metricLabel, TASK_METRICS } from './metrics.js';
import { alarmTable, fitTable, robustnessTable, searchTable, sliceTable } from './model-card-findings.js';
import { type CardFigure, type CardRow, type CardSource, CardTable, ofEvidence } from './model-card-table.js';
import { Name } from './names.js';
import type { SearchLineage } from './search.js';
import { Task } from './task.js';
import { micros, toIso } from './time.js';
import type { TrainingDataset, TrainingSnapshot } from './training.js';

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
      fitTable(evidence),
    ].filter(({ rows }) => rows.length > 0),
    plots: evidence.plots,
  };
}

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
  const rows: CardRow[] = [
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

function chosenRow({ reason }: SearchLineage): CardRow {
  return ['parameters', { value: reason, unit: 'text', source: 'search', path: 'reason' }];
}

/** `falsePositive` as words. */
function spaced(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function metricTable({ task, metrics, championMetrics, baselineMetrics, championVersion }: Evidence): CardTable {
  const baselines = Object.keys(baselineMetrics).sort();
  const champion = championMetrics === null ? [] : [`champion ${championVersion ?? ''}`.trim()];
  const rows = TASK_METRICS[task].flatMap((metric): CardRow[] => {
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
  const rows = gates.map((gate, position): CardRow => {
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
