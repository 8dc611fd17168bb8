/** Which versions of a dataset tell one history, although each put its rows in the place of all earlier ones. */
import { canonicalJson } from './canonical-json.js';
import type { DatasetSpec } from './dataset.js';
import { naturalKeyId, type Sha256Hex } from './ids.js';

type Definition = Pick<DatasetSpec, 'columns' | 'eventTime' | 'keys' | 'knowledge' | 'query'>;

/**
 * True where two revisions of a dataset mean the same rows: columns by name, type and origin, event time, keys, knowledge and query. Rows
 * that an earlier version held under the same definition were seen before; under another one they are other facts.
 */
export function sameDefinition(left: Definition, right: Definition): boolean {
  return definitionOf(left) === definitionOf(right);
}

function definitionOf({ columns, eventTime, keys, knowledge, query }: Definition): string {
  const shape = columns.map(({ name, type, from }) => ({ name, type, from: from ?? name }));
  return canonicalJson({ columns: shape, eventTime, keys, knowledge, query });
}

/** The same segments in the same order are the same version; `again` numbers one whose rows came back after they were replaced. */
export function datasetVersionId(
  sha256Hex: Sha256Hex,
  { dataset, segmentIds, again }: { dataset: string; segmentIds: readonly string[]; again?: number | undefined },
): string {
  return naturalKeyId(sha256Hex, ['dataset-version', dataset, ...segmentIds, ...(again === undefined ? [] : [again])]);
}
