/** Segments as jobs receive them: plain references, resolved to local files where the job runs. */
import type { ArtifactRef } from '../../domain/artifact.js';
import type { SegmentFile } from '../../ml/features/dataset-sql.js';
import type { ArtifactStore } from '../../store/contracts/artifacts.js';

export interface SegmentReference {
  readonly table: ArtifactRef;
  readonly commitSeq: number;
  readonly commitKnownTs: number;
  /** When a later commit put its rows in the place of these, microseconds; absent where they stand. */
  readonly replacedTs?: number;
}

export async function localSegments(
  artifacts: ArtifactStore,
  segments: readonly SegmentReference[],
): Promise<SegmentFile[]> {
  return Promise.all(
    segments.map(async ({ table, ...facts }) => ({ path: await artifacts.localPath(table), ...facts })),
  );
}
