/** The segments of a dataset version as jobs take them. */
import { DomainError } from '../domain/errors.js';
import type { Stores } from '../store/contracts/index.js';
import type { SegmentReference } from './jobs/segments.js';

export async function segmentReferences(
  stores: Stores,
  dataset: string,
  versionId: string,
): Promise<SegmentReference[]> {
  const version = await stores.datasets.version(dataset, versionId);
  if (version === null) throw new DomainError('PRN_DATASET_EMPTY', { dataset, hint: ` ${versionId}` });
  const segments = await stores.datasets.segments(version);
  return segments.map(({ table, commitSeq, commitKnownTs }) => ({ table, commitSeq, commitKnownTs }));
}
