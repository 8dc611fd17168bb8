/** Activities that prove features equal offline and online. */
import type { ArtifactRef } from '../../domain/artifact.js';

export interface SkewVerdict {
  readonly verdict: 'valid' | 'invalid';
  readonly comparisons: number;
  readonly mismatches: number;
}

export interface SkewActivities {
  /** Makes the skew certificate of a version from what its snapshot pinned, and keeps it with the version. Safe to repeat. */
  certifySkew(input: { model: string; version: number; snapshot: ArtifactRef; actor: string }): Promise<SkewVerdict>;
}
