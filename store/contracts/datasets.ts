/** Dataset heads, versions, segments, and the state of ingestions. */
import type { ArtifactRef } from '../../domain/artifact.js';
import type { DatasetVersion, Segment } from '../../domain/dataset.js';
import type { QuarantinePolicy } from '../../domain/quarantine.js';

export interface Ingestion {
  readonly ingestionId: string;
  readonly dataset: string;
  readonly sourceUri: string;
  readonly requestedBy: string;
  readonly state: 'running' | 'committed' | 'unchanged' | 'refused' | 'failed';
  readonly commitSeq: number | null;
  readonly versionId: string | null;
  readonly accepted: number;
  readonly quarantined: number;
  readonly warnings: readonly string[];
  /** The `ValidationReport`; null before the source was judged. */
  readonly report: ArtifactRef | null;
  /** Catalogue code and message where it was refused or failed. */
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly startedTs: number;
  readonly endedTs: number | null;
}

export interface DatasetStore {
  /** Inserts or replaces the state of an ingestion (keyed by its id). */
  saveIngestion(ingestion: Ingestion): Promise<void>;
  getIngestion(ingestionId: string): Promise<Ingestion | null>;
  listIngestions(dataset: string, limit: number): Promise<Ingestion[]>;

  /**
   * Adds a segment to the head, or puts it in the place of all others (`replaces`): `commitSeq + 1`, `knownTs =
   * max(previous + 1, now)`, new version, audit entry and quarantine case in one transaction; cases whose rows are replaced
   * are superseded. A segment that the head
   * holds already is `unchanged`, with the version that brought it; one that this very ingestion brought is `committed`.
   * `moved` says that another ingestion read further meanwhile, of the same ordered source or the same inputs: read again.
   * Rows known `from: commit` carry `__known_ts = null` in their table and read the version's `knownTs`.
   */
  commitSegment(input: {
    segment: Segment;
    revision: number;
    actor: string;
    now: number;
    ingestionId: string;
    replaces: boolean;
    /** Of the case that its quarantined rows make; the defaults where it is left out. */
    policy?: QuarantinePolicy;
  }): Promise<{ readonly status: 'committed' | 'unchanged' | 'moved'; readonly version: DatasetVersion }>;
  /** How far the head has read the ordered source of its dataset; null before the first time. */
  highWater(dataset: string): Promise<string | null>;
  head(dataset: string): Promise<DatasetVersion | null>;
  version(dataset: string, versionId: string): Promise<DatasetVersion | null>;
  versions(dataset: string, limit: number): Promise<DatasetVersion[]>;
  /**
   * What a version put in its place: the last version since each earlier commit that replaced all rows, newest first. Empty
   * where none did.
   */
  replaced(version: DatasetVersion): Promise<DatasetVersion[]>;
  /** The segments of a version in order, each with the `knownTs` of the commit that brought it. */
  segments(
    version: DatasetVersion,
  ): Promise<(Segment & { readonly commitSeq: number; readonly commitKnownTs: number })[]>;
}
