/** The numbers of a local training that a program asks for first. */
import type { Evidence } from '../../domain/evaluation.js';
import { micros, toIso } from '../../domain/time.js';
import { trainerName } from './trainer-choice.js';
import type { LocalTraining } from './training.js';

export interface TrainingSummary {
  readonly model: string;
  readonly task: Evidence['task'];
  readonly trainer: string;
  /** Why these parameters; null where no search was made. */
  readonly search: string | null;
  readonly outcome: Evidence['outcome'];
  readonly reasons: readonly string[];
  readonly bundleDigest: string;
  readonly evidenceDigest: string;
  readonly trainingDatasetDigest: string;
  /** Used, and left out by reason. */
  readonly rows: {
    readonly train: number;
    readonly holdout: number;
    readonly refused: Readonly<Record<string, number>>;
  };
  /** ISO 8601; parts are half-open intervals of event time. */
  readonly asOf: string;
  readonly train: { readonly from: string; readonly to: string };
  readonly holdout: { readonly from: string; readonly to: string };
  readonly decisionThreshold: number | null;
  readonly metrics: Evidence['metrics'];
  readonly baselineMetrics: Evidence['baselineMetrics'];
  readonly gates: Evidence['gates'];
  readonly alarms: Evidence['alarms'];
}

export function summaryOf({
  snapshot,
  dataset,
  trained,
  evaluated,
}: Pick<LocalTraining, 'snapshot' | 'dataset' | 'trained' | 'evaluated'>): TrainingSummary {
  const { evidence, evidenceDigest } = evaluated;
  const { split, spec } = snapshot;
  const iso = (time: number): string => toIso(micros(time));
  return {
    model: snapshot.model,
    task: evidence.task,
    trainer: trainerName(spec.trainer),
    search: trained.search?.reason ?? null,
    outcome: evidence.outcome,
    reasons: evidence.reasons,
    bundleDigest: trained.bundleDigest,
    evidenceDigest,
    trainingDatasetDigest: dataset.digest,
    rows: { train: dataset.trainRows, holdout: dataset.holdoutRows, refused: dataset.refused },
    asOf: iso(snapshot.asOf),
    train: { from: iso(split.trainFrom), to: iso(split.trainTo) },
    holdout: { from: iso(split.holdoutFrom), to: iso(split.holdoutTo) },
    decisionThreshold: evidence.decisionThreshold,
    metrics: evidence.metrics,
    baselineMetrics: evidence.baselineMetrics,
    gates: evidence.gates,
    alarms: evidence.alarms,
  };
}
