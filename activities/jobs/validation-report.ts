/** From rule results to the verdict on a source: which rules refuse it, and what is only worth a warning. */
import type { DatasetSpec, ExpectationResult } from '../../domain/dataset.js';
import type { CheckCounts } from '../../ml/features/validation-sql.js';

export function judgeReport(
  spec: DatasetSpec,
  report: readonly ExpectationResult[],
  counts: CheckCounts,
): { readonly failures: string[]; readonly warnings: string[] } {
  const failures = report.filter(({ verdict }) => verdict === 'failed').map(({ message }) => message);
  const share = counts.rows === 0 ? 0 : counts.quarantined / counts.rows;
  if (share > spec.maxQuarantined) {
    const worst = report.filter(({ verdict }) => verdict === 'quarantined').map(({ message }) => message);
    failures.push(
      `${counts.quarantined} of ${counts.rows} rows would be quarantined, more than ${spec.maxQuarantined * 100} %`,
      ...worst,
    );
  }
  if (counts.rows === 0) failures.push('the source has no rows');
  const warnings = report
    .filter(({ verdict }) => verdict === 'warned' || verdict === 'quarantined')
    .map(({ message }) => message);
  return { failures, warnings };
}
