/** From rule results to the verdict on a source: which rules refuse it, and what is only worth a warning. */
import type { DatasetSpec } from '../../domain/dataset.js';
import { Severity } from '../../domain/expectations.js';
import { type RuleResult, SAMPLE_CAP, type ValidationReport } from '../../domain/validation.js';

export function writeReport(
  { maxQuarantined }: Pick<DatasetSpec, 'maxQuarantined'>,
  counts: { readonly rows: number; readonly quarantined: number },
  rules: readonly RuleResult[],
): ValidationReport {
  const { rows, quarantined } = counts;
  const broken = rules.filter(({ verdict }) => verdict !== 'passed' && verdict !== 'no_evidence');
  const failures = broken.filter(({ verdict }) => verdict === 'failed').map(({ message }) => message);
  const set = broken.filter(({ verdict }) => verdict === 'quarantined').map(({ message }) => message);
  const share = rows === 0 ? 0 : quarantined / rows;
  if (share > maxQuarantined)
    failures.push(`${quarantined} of ${rows} rows would be quarantined, more than ${maxQuarantined * 100} %`, ...set);
  if (rows === 0) failures.push('the source has no rows');
  else if (quarantined === rows && share <= maxQuarantined)
    failures.push('no row of the source can be accepted', ...set);
  const others = broken.filter(({ verdict }) => verdict !== 'failed').map(({ message }) => message);
  const warnings = others.filter((message) => !failures.includes(message));
  const outcome = failures.length > 0 ? 'refused' : 'accepted';
  const severity = worst([
    ...broken.map((rule) => rule.severity),
    ...(outcome === 'refused' ? ['error' as const] : []),
  ]);
  return { outcome, rows, quarantined, severity, failures, warnings, rules: [...rules], sampleCap: SAMPLE_CAP };
}

function worst(severities: readonly Severity[]): Severity | null {
  return Severity.options.findLast((severity) => severities.includes(severity)) ?? null;
}
