/** How rows come back from quarantine: under which address, judged by which rules, known since when. */
import type { DatasetSpec } from './dataset.js';
import { type Expectation, isRowRule } from './expectations.js';
import type { QuarantineDecision } from './quarantine.js';

/** The source that an ingestion of released or fixed rows names. Only the workflow of the case starts such a one. */
export function quarantineAddress(caseId: string, decisionId: string): string {
  return `quarantine:${caseId}/${decisionId}`;
}

/** Case and decision in such an address; null for every other source. */
export function quarantineAddressIn(
  sourceUri: string,
): { readonly caseId: string; readonly decisionId: string } | null {
  const [, caseId, decisionId] = /^quarantine:([0-9a-f]+)\/(.+)$/.exec(sourceUri) ?? [];
  return caseId === undefined || decisionId === undefined ? null : { caseId, decisionId };
}

/**
 * The dataset as released rows are judged by it: without the rules that the decision leaves out (by default all that set
 * rows aside), by the names of its own columns, and known when they are committed, whatever the dataset declares.
 */
export function releaseSpec(spec: DatasetSpec, { rules }: Pick<QuarantineDecision, 'rules'>): DatasetSpec {
  const isWaived = (name: string, action: string): boolean =>
    rules === null ? action === 'drop' : rules.includes(name);
  return {
    ...fixSpec(spec),
    columns: spec.columns.map(({ from: _from, ...column }) => column),
    expectations: fitting(spec).filter(({ name, action }) => !isWaived(name, action)),
    maxQuarantined: 1,
  };
}

/** The dataset as corrected rows are judged by it: like any source, but known when they are committed. */
export function fixSpec(spec: DatasetSpec): DatasetSpec {
  return { ...spec, knowledge: { from: 'commit' }, expectations: fitting(spec) };
}

/** Rules that mean something for a handful of rows: how many there are, or how they are distributed, says nothing. */
function fitting({ expectations }: DatasetSpec): Expectation[] {
  return expectations.filter((rule) => isRowRule(rule) || rule.unique !== undefined);
}

/** Rules whose failing rows are not set aside: a row that fails one of them beside others is still about those. */
export function harmlessRules(spec: DatasetSpec): string[] {
  return spec.expectations.filter(({ action }) => action !== 'drop').map(({ name }) => name);
}
