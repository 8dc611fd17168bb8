/** A local training as people read it. */
import { micros, toIso } from '../../domain/time.js';
import { gatesTable, metricsTable, verdictText } from '../evidence-text.js';
import type { LocalTraining } from '../local/training.js';

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
    `${snapshot.model}: ${verdictText(evidence)}`,
    ...evidence.reasons.map((reason) => `  ${reason}`),
    `trained on ${part(dataset.trainRows, split.trainFrom, split.trainTo)}${leftOut(training)}`,
    ...(trained.search === undefined ? [] : [`parameters: ${trained.search.reason}`]),
    `judged on ${part(dataset.holdoutRows, split.holdoutFrom, split.holdoutTo)}`,
    '',
    metricsTable(evidence),
    '',
    gatesTable(evidence),
    '',
    `bundle ${trained.bundleDigest}`,
    out === undefined ? 'Nothing was kept; --out DIR keeps bundle, metrics and card.' : `all of it in ${out}`,
  ].join('\n');
}

function leftOut({ dataset: { refused } }: LocalTraining): string {
  const reasons = Object.entries(refused).flatMap(([reason, rows]) => (rows === 0 ? [] : [`${rows} for ${reason}`]));
  return reasons.length === 0 ? '' : `, left out ${reasons.join(', ')}`;
}
